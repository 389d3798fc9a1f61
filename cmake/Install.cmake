# cmake --install: program, libraries, public headers, corevent.pc, the CMake package, man page and licence. Nothing that
# is installed holds an absolute path, so the prefix can be moved afterwards.
include(CMakePackageConfigHelpers)

if(TARGET corevent_program)
    install(TARGETS corevent_program RUNTIME COMPONENT program)
endif()
if(TARGET corevent)
    install(TARGETS corevent EXPORT corevent-targets
            LIBRARY COMPONENT library NAMELINK_COMPONENT development)
    install(TARGETS corevent_static EXPORT corevent-targets ARCHIVE COMPONENT development)
    install(EXPORT corevent-targets NAMESPACE corevent:: FILE corevent-targets.cmake
            DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/corevent" COMPONENT development)
    set_target_properties(corevent_static PROPERTIES EXPORT_NAME static)
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/corevent" TYPE INCLUDE COMPONENT development
        FILES_MATCHING PATTERN "*.h")

configure_package_config_file(
    cmake/corevent-config.cmake.in "${PROJECT_BINARY_DIR}/generated/corevent-config.cmake"
    INSTALL_DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/corevent" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/generated/corevent-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/generated/corevent-config.cmake"
              "${PROJECT_BINARY_DIR}/generated/corevent-config-version.cmake"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/cmake/corevent" COMPONENT development)

# From lib/pkgconfig, or lib/<triplet>/pkgconfig in a Debian package, up to the prefix.
file(RELATIVE_PATH CE_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" CE_PC_PREFIX "${CE_PC_PREFIX}")
configure_file(cmake/corevent.pc.in "${PROJECT_BINARY_DIR}/generated/corevent.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/generated/corevent.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
        COMPONENT development)

install(FILES docs/man/corevent.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT program)
set(documents LICENSE CHANGELOG.md docs/ARCHITECTURE.md)
if(EXISTS "${PROJECT_SOURCE_DIR}/README.md")
    list(APPEND documents README.md)
endif()
install(FILES ${documents} DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/corevent" COMPONENT library)
