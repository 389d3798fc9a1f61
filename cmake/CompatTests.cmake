# Programs that run on both libevents: tests/compat/diff/*.c, which print a trace, and examples/libevent/.
#
#   bin/compat/system/NAME    compiled with the system's headers and linked with its libraries
#   bin/compat/corevent/NAME  compiled with ours and linked with the stubs in lib/corevent (examples: bin/NAME)
#
# tests/compat/run_diff.py runs the first on the system's libraries and on ours, the second on ours, and demands one trace.
# A sanitized build does the same, but for the first on ours: it knows nothing of sanitizers.
set(CE_DIFF_TARGETS "")

find_path(CE_SYSTEM_LIBEVENT_INCLUDE event2/event.h)
set(CE_SYSTEM_LIBRARIES "")
foreach(name event event_core event_extra event_pthreads event_openssl)
    find_library(CE_SYSTEM_${name} ${name})
    if(CE_SYSTEM_${name})
        list(APPEND CE_SYSTEM_LIBRARIES "${CE_SYSTEM_${name}}")
    endif()
endforeach()
ce_library("libevent" "libevent-dev" "tests, to compare with" "${CE_SYSTEM_event_openssl}")

# ce_diff_program(<name> <source> <kind>): kind is system or corevent
function(ce_diff_program name source kind)
    set(target ${kind}_${name})
    add_executable(${target} ${by_request} "${source}")
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} C_STANDARD 99 C_EXTENSIONS ON
                          RUNTIME_OUTPUT_DIRECTORY "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/compat/${kind}")
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter -Wno-overlength-strings
                           $<$<BOOL:${CE_WERROR}>:-Werror>)
    target_link_options(${target} PRIVATE -Wl,--as-needed)
    if(kind STREQUAL "system")
        target_compile_options(${target} PRIVATE -fno-sanitize=all)
        target_link_options(${target} PRIVATE -fno-sanitize=all)
        target_include_directories(${target} PRIVATE "${CE_SYSTEM_LIBEVENT_INCLUDE}")
        target_link_libraries(${target} PRIVATE "${CE_SYSTEM_event}" "${CE_SYSTEM_event_pthreads}")
    else()
        target_link_libraries(${target} PRIVATE ce_libevent ce_libevent_pthreads)
    endif()
    target_link_libraries(${target} PRIVATE Threads::Threads)
    if(name MATCHES "^ssl_|_tls$")
        find_package(OpenSSL REQUIRED)
        if(kind STREQUAL "system")
            target_link_libraries(${target} PRIVATE "${CE_SYSTEM_event_openssl}")
        else()
            target_link_libraries(${target} PRIVATE ce_libevent_openssl)
        endif()
        target_link_libraries(${target} PRIVATE OpenSSL::SSL OpenSSL::Crypto)
    endif()
    set(CE_DIFF_TARGETS ${CE_DIFF_TARGETS} ${target} PARENT_SCOPE)
endfunction()

file(GLOB diff_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/compat/diff/*.c")
foreach(source IN LISTS diff_sources)
    get_filename_component(name "${source}" NAME_WE)
    if(name MATCHES "^ssl_" AND NOT TARGET ce_libevent_openssl)
        continue()
    endif()
    if(CE_SANITIZE STREQUAL "thread" AND NOT name MATCHES "_threads$")
        continue()
    endif()
    ce_diff_program(${name} "${source}" corevent)
    if(CE_SYSTEM_event_openssl)
        ce_diff_program(${name} "${source}" system)
    endif()
endforeach()

file(GLOB example_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/libevent/*.c"
     "${PROJECT_SOURCE_DIR}/examples/libevent/*.cc")
foreach(source IN LISTS example_sources)
    get_filename_component(name "${source}" NAME_WE)
    file(STRINGS "${source}" beyond REGEX "^#include <event2/corevent.h>")  # what libevent cannot do
    file(STRINGS "${source}" either REGEX "__has_include.<event2/corevent.h>")
    if(name MATCHES "_tls$" AND NOT TARGET ce_libevent_openssl)
        continue()
    endif()
    if(CE_SYSTEM_event_openssl AND (either OR NOT beyond) AND NOT CE_SANITIZE)
        ce_diff_program(${name} "${source}" system)
    endif()
endforeach()

# Loads all of the system's libraries, and says what it has loaded.
if(CE_SYSTEM_event_openssl AND NOT CE_SANITIZE)
    ce_diff_program(loaded "${PROJECT_SOURCE_DIR}/tests/compat/loaded.c" system)
    target_link_options(system_loaded PRIVATE -Wl,--no-as-needed)
    target_link_libraries(system_loaded PRIVATE ${CE_SYSTEM_LIBRARIES})
endif()

add_custom_target(compat_tests)
add_dependencies(compat_tests libevent ${CE_DIFF_TARGETS})
list(APPEND CE_TEST_TARGETS compat_tests)
if(Python3_FOUND AND CE_SYSTEM_event_openssl)
    add_test(NAME compat_diff COMMAND Python3::Interpreter -B "${PROJECT_SOURCE_DIR}/tests/compat/run_diff.py"
             "${PROJECT_BINARY_DIR}")
    set_tests_properties(compat_diff PROPERTIES TIMEOUT 600)
endif()
