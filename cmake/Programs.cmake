# Programs: bin/corevent, the examples and the benchmark programs.
#
# bin/corevent and the conformance server link the static library (one file to copy, no lookup between library calls);
# the examples link libcorevent.so, which proves that what they use is exported.

# src/app without main.cc is an object library of its own, so that tests/app can reach its parts.
file(GLOB app_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/app/*.cc")
list(FILTER app_sources EXCLUDE REGEX "/main\\.cc$")
if(CE_BUILD_PROGRAM AND app_sources)
    if(NOT fmt_FOUND OR NOT CLI11_FOUND)
        message(FATAL_ERROR "bin/corevent needs fmt and CLI11: `apt install libfmt-dev libcli11-dev`, or configure "
                            "with -DCE_BUILD_PROGRAM=OFF")
    endif()
    add_library(ce_app OBJECT ${app_sources})
    target_include_directories(ce_app PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
    file(RELATIVE_PATH libevent_dir "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}/corevent")
    target_compile_definitions(ce_app PRIVATE CE_VERSION="${PROJECT_VERSION}" CE_LIBEVENT_DIR="${libevent_dir}")
    target_link_libraries(ce_app PUBLIC ce_options PRIVATE fmt::fmt CLI11::CLI11)
    if(TARGET corevent_static AND EXISTS "${PROJECT_SOURCE_DIR}/src/app/main.cc")
        add_executable(corevent_program "${PROJECT_SOURCE_DIR}/src/app/main.cc")
        set_target_properties(corevent_program PROPERTIES OUTPUT_NAME corevent)
        target_link_libraries(corevent_program PRIVATE ce_app corevent_static fmt::fmt CLI11::CLI11)
    endif()
endif()

# examples/NAME.cc and examples/NAME/*.cc become bin/NAME.
set(CE_EXAMPLES "")
if(CE_BUILD_EXAMPLES AND TARGET corevent)
    file(GLOB entries CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*")
    foreach(entry IN LISTS entries)
        get_filename_component(name "${entry}" NAME_WE)
        if(name STREQUAL "libevent")
            continue()
        elseif(IS_DIRECTORY "${entry}")
            file(GLOB sources CONFIGURE_DEPENDS "${entry}/*.cc")
        elseif(entry MATCHES "\\.cc$")
            set(sources "${entry}")
        else()
            set(sources "")
        endif()
        if(NOT sources)
            continue()
        endif()
        add_executable(${name} ${sources})
        if(name STREQUAL "conformance_server")
            target_link_libraries(${name} PRIVATE ce_options corevent_static)
        else()
            target_link_libraries(${name} PRIVATE ce_options corevent)
        endif()
        list(APPEND CE_EXAMPLES ${name})
    endforeach()
endif()

# examples/libevent/*.{c,cc}, among them the conformance server of evhttp, are written against libevent's headers alone; each
# becomes bin/NAME.
if(CE_BUILD_EXAMPLES AND TARGET ce_libevent)
    file(GLOB entries CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/libevent/*.c"
         "${PROJECT_SOURCE_DIR}/examples/libevent/*.cc")
    foreach(entry IN LISTS entries)
        get_filename_component(name "${entry}" NAME_WE)
        if(name MATCHES "_tls$" AND NOT TARGET ce_libevent_openssl)
            continue()
        endif()
        add_executable(${name} "${entry}")
        target_compile_options(${name} PRIVATE -Wall -Wextra $<$<COMPILE_LANGUAGE:C>:-std=gnu99>)
        target_link_libraries(${name} PRIVATE ce_libevent)
        if(name MATCHES "_tls$")
            target_link_libraries(${name} PRIVATE ce_libevent_openssl OpenSSL::SSL OpenSSL::Crypto)
        endif()
        list(APPEND CE_EXAMPLES ${name})
    endforeach()
endif()

# Left out of the default build: `cmake --build --preset release --target bench_programs`, or ./dev bench.
if(CE_BUILD_BENCH AND EXISTS "${PROJECT_SOURCE_DIR}/bench/CMakeLists.txt")
    add_subdirectory(bench EXCLUDE_FROM_ALL)
endif()
