# The libevent libraries, in lib/corevent of the build tree and of the install tree.
#
#   libcorevent_event.so.0      the implementation: src/compat and the floors below it
#   libevent-2.1.so.7 …         thin: each needs libcorevent_event.so.0 beside it and holds nothing, so that a program which
#                               loads several of them still has one state
#   libevent_openssl-2.1.so.7   src/compat/openssl
#   libevent.so …               for the linker alone: the soname and the public names. A program linked with -levent then
#                               needs libevent-2.1.so.7 and runs on either implementation.
#
# cmake/libevent/<library>.sym lists the names that each library promises; nothing else is exported.
set(CE_COMPAT_DIR "${PROJECT_BINARY_DIR}/lib/corevent")
set(CE_COMPAT_INCLUDE "${PROJECT_SOURCE_DIR}/include/libevent")

# ce_symbols(<out> <library>...): the names in their lists.
function(ce_symbols out)
    set(names "")
    foreach(library IN LISTS ARGN)
        set(list "${PROJECT_SOURCE_DIR}/cmake/libevent/${library}.sym")
        file(STRINGS "${list}" lines REGEX "^[A-Za-z_]")
        list(APPEND names ${lines})
        set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${list}")
    endforeach()
    set(${out} "${names}" PARENT_SCOPE)
endfunction()

# ce_write(<file> <text>): leaves a file alone that says so already, and what was made from it.
function(ce_write file text)
    if(EXISTS "${file}")
        file(READ "${file}" present)
        if(present STREQUAL text)
            return()
        endif()
    endif()
    file(WRITE "${file}" "${text}")
endfunction()

# ce_export_only(<target> <name>...): a version script without a version, since libevent's symbols have none.
function(ce_export_only target)
    list(JOIN ARGN "; " names)
    set(script "${PROJECT_BINARY_DIR}/generated/libevent/${target}.map")
    ce_write("${script}" "{ global: ${names}; local: *; };\n")
    target_link_options(${target} PRIVATE "-Wl,--version-script=${script}")
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${script}")
endfunction()

# ce_compat_library(<target> <file name>): where all of them are, and how they find each other. The file is named as the
# soname says, with no link between, so that copying one copies all of it.
function(ce_compat_library target file)
    set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME "${file}" SUFFIX "" NO_SONAME ON
                          LIBRARY_OUTPUT_DIRECTORY "${CE_COMPAT_DIR}" BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN"
                          LINKER_LANGUAGE CXX)
    target_link_options(${target} PRIVATE "-Wl,-soname,${file}" -Wl,--enable-new-dtags)
    install(TARGETS ${target} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/corevent" COMPONENT library)
    set_property(GLOBAL APPEND PROPERTY CE_COMPAT_TARGETS ${target})
endfunction()

# ce_thin_library(<name>): libevent<name>-2.1.so.7
function(ce_thin_library name)
    set(nothing "${PROJECT_BINARY_DIR}/generated/libevent/nothing.c")
    ce_write("${nothing}" "typedef int nothing;\n")
    add_library(event_thin${name} SHARED "${nothing}")
    ce_compat_library(event_thin${name} "libevent${name}-2.1.so.7")
    set_target_properties(event_thin${name} PROPERTIES LINKER_LANGUAGE C)
    target_link_options(event_thin${name} PRIVATE -Wl,--no-as-needed)
    target_link_libraries(event_thin${name} PRIVATE event_implementation)
endfunction()

# ce_link_stub(<name> <list>...): libevent<name>.so with the names of those lists.
function(ce_link_stub name)
    ce_symbols(names ${ARGN})
    list(TRANSFORM names REPLACE "(.+)" "void \\1(void) {}\n")
    list(JOIN names "" code)
    set(source "${PROJECT_BINARY_DIR}/generated/libevent/stub${name}.c")
    set(stub "${CE_COMPAT_DIR}/libevent${name}.so")
    ce_write("${source}" "${code}")
    add_custom_command(
        OUTPUT "${stub}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${CE_COMPAT_DIR}"
        COMMAND "${CMAKE_C_COMPILER}" -shared -fPIC -nostdlib -fno-builtin -w "-Wl,-soname,libevent${name}-2.1.so.7"
                -o "${stub}" "${source}"
        DEPENDS "${source}"
        COMMENT "Linking the stub libevent${name}.so"
        VERBATIM)
    set_property(GLOBAL APPEND PROPERTY CE_COMPAT_STUBS "${stub}")
    install(FILES "${stub}" DESTINATION "${CMAKE_INSTALL_LIBDIR}/corevent" COMPONENT development)
endfunction()

# ce_pkg_config(<name> <requires> <description>)
function(ce_pkg_config name requires description)
    set(CE_PC_NAME "libevent${name}")
    set(CE_PC_LINK "event${name}")
    set(CE_PC_REQUIRES "${requires}")
    set(CE_PC_DESCRIPTION "${description}")
    file(RELATIVE_PATH CE_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/corevent/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" CE_PC_PREFIX "${CE_PC_PREFIX}")
    configure_file(cmake/libevent/libevent.pc.in "${PROJECT_BINARY_DIR}/generated/libevent/${CE_PC_NAME}.pc" @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/generated/libevent/${CE_PC_NAME}.pc"
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/corevent/pkgconfig" COMPONENT development)
endfunction()

ce_existing(objects compat ${CE_BELOW_compat})
list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
add_library(event_implementation SHARED ${objects})
ce_compat_library(event_implementation libcorevent_event.so.0)
target_link_libraries(event_implementation PRIVATE Threads::Threads)
target_link_options(event_implementation PRIVATE -Wl,-Bsymbolic-functions)
ce_symbols(names core extra pthreads private)
ce_export_only(event_implementation ${names})

foreach(name "" _core _extra _pthreads)
    ce_thin_library("${name}")
endforeach()
find_package(OpenSSL QUIET COMPONENTS SSL Crypto)
ce_library("OpenSSL" libssl-dev "libevent_openssl" "${OPENSSL_FOUND}")
set(openssl "")
if(OPENSSL_FOUND)
    set(openssl _openssl)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/compat/openssl/*.cc")
    add_library(event_openssl SHARED ${sources})
    target_include_directories(event_openssl PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
                               "${CE_COMPAT_INCLUDE}")
    ce_compat_library(event_openssl libevent_openssl-2.1.so.7)
    target_link_libraries(event_openssl PRIVATE ce_options event_implementation OpenSSL::SSL OpenSSL::Crypto)
    ce_symbols(names openssl)
    ce_export_only(event_openssl ${names})
    ce_link_stub(_openssl openssl)
    ce_pkg_config(_openssl libevent "libevent 2.1 on corevent: bufferevents with TLS")
endif()
ce_link_stub("" core extra)
ce_link_stub(_core core)
ce_link_stub(_extra extra)
ce_link_stub(_pthreads pthreads)
ce_pkg_config("" "" "libevent 2.1 on corevent")
ce_pkg_config(_core "" "libevent 2.1 on corevent: loops, buffers and bufferevents")
ce_pkg_config(_extra "" "libevent 2.1 on corevent: HTTP, DNS and RPC")
ce_pkg_config(_pthreads libevent "libevent 2.1 on corevent: locks for programs with threads")

get_property(CE_COMPAT_TARGETS GLOBAL PROPERTY CE_COMPAT_TARGETS)
get_property(CE_COMPAT_STUBS GLOBAL PROPERTY CE_COMPAT_STUBS)
add_custom_target(libevent_stubs DEPENDS ${CE_COMPAT_STUBS})
add_custom_target(libevent ALL)
add_dependencies(libevent libevent_stubs ${CE_COMPAT_TARGETS})

# What programs written against the headers link with in this build: ce_libevent, and _core, _pthreads, _openssl likewise.
foreach(name IN ITEMS "" _core _extra _pthreads ${openssl})
    add_library(ce_libevent${name} INTERFACE)
    target_include_directories(ce_libevent${name} INTERFACE "${CE_COMPAT_INCLUDE}")
    target_link_libraries(ce_libevent${name} INTERFACE "${CE_COMPAT_DIR}/libevent${name}.so" Threads::Threads)
    add_dependencies(ce_libevent${name} libevent)
endforeach()

install(DIRECTORY "${CE_COMPAT_INCLUDE}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/corevent" COMPONENT development
        FILES_MATCHING PATTERN "*.h")
