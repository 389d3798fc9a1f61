# The floors: one object library ce_<floor> per folder of src/, then libcorevent, shared and static.
#
# A floor sees src/ and include/. What it may include is checked by tools/tidy; that it links with nothing but the floors
# below is checked here, by linking each floor with those alone (target `floors`).
set(CE_FLOORS base buffer codec reactor loop net http)  # of libcorevent
set(CE_BELOW_base "")
set(CE_BELOW_buffer base)
set(CE_BELOW_codec base buffer)
set(CE_BELOW_reactor base)
set(CE_BELOW_loop base buffer reactor)
set(CE_BELOW_net base buffer codec reactor loop)
set(CE_BELOW_http base buffer codec reactor loop net)
set(CE_BELOW_compat base buffer codec reactor)  # the libevent libraries: Compat.cmake

# ce_existing(<out> <floor>...): the object libraries of those floors that have sources.
function(ce_existing out)
    set(result "")
    foreach(floor IN LISTS ARGN)
        if(TARGET ce_${floor})
            list(APPEND result ce_${floor})
        endif()
    endforeach()
    set(${out} "${result}" PARENT_SCOPE)
endfunction()

set(CE_GENERATED_http "${PROJECT_BINARY_DIR}/generated/http/mime_table.cc")
set(CE_MIME_TYPES /etc/mime.types CACHE FILEPATH "Table of media types that the MIME table is made from")
if(NOT EXISTS "${CE_MIME_TYPES}")
    message(FATAL_ERROR "${CE_MIME_TYPES} is missing, and the MIME table is made from it: "
                        "`apt install media-types`, or name another file with -DCE_MIME_TYPES=FILE")
endif()
add_custom_command(
    OUTPUT "${CE_GENERATED_http}"
    COMMAND "${CMAKE_COMMAND}" "-DINPUT=${CE_MIME_TYPES}" "-DOUTPUT=${CE_GENERATED_http}"
            -P "${PROJECT_SOURCE_DIR}/cmake/GenerateMime.cmake"
    DEPENDS "${CE_MIME_TYPES}" "${PROJECT_SOURCE_DIR}/cmake/GenerateMime.cmake"
    COMMENT "Generating the MIME table from ${CE_MIME_TYPES}"
    VERBATIM)

set(CE_BUILT_FLOORS "")
foreach(floor IN LISTS CE_FLOORS ITEMS compat)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${floor}/*.cc")
    if(NOT sources)
        continue()
    endif()
    add_library(ce_${floor} OBJECT ${sources} ${CE_GENERATED_${floor}})
    target_include_directories(ce_${floor} PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(ce_${floor} PUBLIC ce_options)
    list(APPEND CE_BUILT_FLOORS ${floor})
endforeach()
if(TARGET ce_compat)
    target_include_directories(ce_compat PUBLIC "${PROJECT_SOURCE_DIR}/include/libevent")
endif()
ce_existing(CE_FLOOR_OBJECTS ${CE_FLOORS})

if(CE_FLOOR_OBJECTS)
    set(objects "")
    foreach(floor IN LISTS CE_FLOOR_OBJECTS)
        list(APPEND objects "$<TARGET_OBJECTS:${floor}>")
    endforeach()
    foreach(kind corevent corevent_static)
        if(kind STREQUAL "corevent")
            add_library(corevent SHARED)
            add_library(corevent::corevent ALIAS corevent)
            set_target_properties(corevent PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
            target_link_options(corevent PRIVATE -Wl,-Bsymbolic-functions)
        else()
            add_library(corevent_static STATIC)
            add_library(corevent::static ALIAS corevent_static)
        endif()
        set_target_properties(${kind} PROPERTIES OUTPUT_NAME corevent LINKER_LANGUAGE CXX)
        target_sources(${kind} PRIVATE ${objects})
        target_link_libraries(${kind} PUBLIC Threads::Threads)
        target_compile_features(${kind} PUBLIC cxx_std_23)
        target_include_directories(${kind} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                                   "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    endforeach()
endif()

# Each floor linked with the floors below it and nothing else: an undefined symbol is an arrow that points up. Sanitizer
# runtimes are resolved late, so the check belongs to plain builds.
add_custom_target(floors)
if(NOT CE_SANITIZE AND NOT CE_COVERAGE)
    foreach(floor IN LISTS CE_BUILT_FLOORS)
        ce_existing(below ${CE_BELOW_${floor}})
        add_library(floor_${floor} MODULE EXCLUDE_FROM_ALL)
        target_link_libraries(floor_${floor} PRIVATE ce_${floor} ${below})
        target_link_options(floor_${floor} PRIVATE -Wl,-z,defs)
        set_target_properties(floor_${floor} PROPERTIES LINKER_LANGUAGE CXX
                              LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/floors")
        add_dependencies(floors floor_${floor})
    endforeach()
endif()
