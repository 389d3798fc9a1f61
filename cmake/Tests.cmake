# Tests and fuzz targets.
#
#   tests/<folder>/*_test.cc    one GoogleTest program test_<folder>; other .cc files there are its helpers. A floor's tests
#                               link that floor and the ones below it, nothing else.
#   tests/support/*.cc          helpers for all of them
#   tests/app, tests/examples   start programs: CE_BIN_DIR is the folder they are in, and the programs are built first
#   tests/*/test_*.py           Python tests, run with the interpreter
#   tests/compat/diff/*.c       programs that run on the system's libevent and on ours: CompatTests.cmake
#   fuzz/<name>_fuzz.cc         fuzz_<name> (libFuzzer) under CE_BUILD_FUZZ, else replay_<name>, which runs each file of
#                               fuzz/corpus/<name>/ once. Names that begin with net_ or http_ link every floor, all
#                               others base, buffer and codec.
#
# A plain build leaves them to the target `tests`; builds with a sanitizer or coverage are there for them and take them into
# `all`. Each program is one ctest entry: listing the cases of a sanitized program costs more than running most of them.
enable_testing()
set(CE_TEST_TARGETS "")
set(by_request "")
if(NOT CE_SANITIZE AND NOT CE_COVERAGE)
    set(by_request EXCLUDE_FROM_ALL)
endif()

if(CE_BUILD_TESTS)
    file(GLOB support_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/support/*.cc")
    if(support_sources)
        add_library(ce_test_support OBJECT ${by_request} ${support_sources})
        target_include_directories(ce_test_support PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
                                   "${PROJECT_SOURCE_DIR}/tests")
        target_link_libraries(ce_test_support PUBLIC ce_options GTest::gtest)
    endif()
    file(GLOB test_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*/*_test.cc")
    set(folders "")
    foreach(source IN LISTS test_sources)
        get_filename_component(folder "${source}" DIRECTORY)
        get_filename_component(folder "${folder}" NAME)
        list(APPEND folders ${folder})
    endforeach()
    list(REMOVE_DUPLICATES folders)
    foreach(folder IN LISTS folders)
        if(CE_TEST_FLOORS AND NOT folder IN_LIST CE_TEST_FLOORS)
            continue()
        endif()
        file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*.cc")
        add_executable(test_${folder} ${by_request} ${sources})
        if(TARGET ce_${folder} AND NOT folder STREQUAL "app")
            ce_existing(libraries ${folder} ${CE_BELOW_${folder}})
        elseif(folder STREQUAL "app" AND TARGET ce_app)
            ce_existing(libraries ${CE_FLOORS})
            list(APPEND libraries ce_app fmt::fmt CLI11::CLI11)
        else()
            ce_existing(libraries ${CE_FLOORS})
        endif()
        if(TARGET ce_test_support)
            list(APPEND libraries ce_test_support)
        endif()
        target_include_directories(test_${folder} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
                                   "${PROJECT_SOURCE_DIR}/tests")
        target_link_libraries(test_${folder} PRIVATE ce_options ${libraries} GTest::gtest_main)
        if(NOT folder IN_LIST CE_FLOORS)
            target_compile_definitions(test_${folder} PRIVATE CE_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}"
                                       CE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" CE_VERSION="${PROJECT_VERSION}")
        endif()
        if(folder STREQUAL "app" AND TARGET corevent_program)
            add_dependencies(test_${folder} corevent_program event_implementation)
            if(TARGET conformance_server)
                add_dependencies(test_${folder} conformance_server)
            endif()
        elseif(folder STREQUAL "examples" AND CE_EXAMPLES)
            add_dependencies(test_${folder} ${CE_EXAMPLES})
        endif()
        add_test(NAME ${folder} COMMAND test_${folder})
        set_tests_properties(${folder} PROPERTIES TIMEOUT 600)
        list(APPEND CE_TEST_TARGETS test_${folder})
    endforeach()

    find_package(Python3 QUIET COMPONENTS Interpreter)
    file(GLOB python_tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*/test_*.py")
    foreach(script IN LISTS python_tests)
        if(Python3_FOUND AND NOT CE_TEST_FLOORS)
            get_filename_component(name "${script}" NAME_WE)
            add_test(NAME ${name} COMMAND Python3::Interpreter -B "${script}")
            set_tests_properties(${name} PROPERTIES TIMEOUT 600)
        endif()
    endforeach()

    if(TARGET ce_compat AND (NOT CE_TEST_FLOORS OR "compat" IN_LIST CE_TEST_FLOORS))
        include(CompatTests)
    endif()
endif()

if(NOT CE_TEST_FLOORS)
    file(GLOB fuzz_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cc")
    foreach(source IN LISTS fuzz_sources)
        get_filename_component(name "${source}" NAME_WE)
        string(REGEX REPLACE "_fuzz$" "" name "${name}")
        if(name MATCHES "^(net|http)_")
            ce_existing(libraries ${CE_FLOORS})
        else()
            ce_existing(libraries base buffer codec)
        endif()
        if(CE_BUILD_FUZZ)
            set(target fuzz_${name})
            add_executable(${target} "${source}")
            target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        else()
            set(target replay_${name})
            add_executable(${target} ${by_request} "${source}" "${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc")
            add_test(NAME ${target} COMMAND ${target} "${PROJECT_SOURCE_DIR}/fuzz/corpus/${name}")
            list(APPEND CE_TEST_TARGETS ${target})
        endif()
        target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
                                   "${PROJECT_SOURCE_DIR}/fuzz")
        target_link_libraries(${target} PRIVATE ce_options ${libraries})
    endforeach()
endif()

# What the test runner needs, and nothing more.
add_custom_target(tests)
if(CE_TEST_TARGETS)
    add_dependencies(tests ${CE_TEST_TARGETS})
endif()
