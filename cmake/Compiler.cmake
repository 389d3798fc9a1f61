# Language level, warnings, sanitizers, compiler cache and linker: what every target of the project shares.
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# Line tables are enough for a backtrace and build faster than full debug information. CE_ASSERT stays on in every
# build; NDEBUG leaves out CE_DCHECK.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")

add_library(ce_options INTERFACE)
target_compile_options(ce_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       $<$<BOOL:${CE_WERROR}>:-Werror>)
target_link_libraries(ce_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports an overlap inside std::string's operator+ that is not there.
    target_compile_options(ce_options INTERFACE -Wno-restrict -fno-semantic-interposition)
endif()

if(CE_SANITIZE)
    list(JOIN CE_SANITIZE "," sanitizers)
    # The check of vptrs tries addresses through a pipe(2): with all descriptors in use it reports what is not there.
    add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-sanitize=vptr)
    add_link_options(-fsanitize=${sanitizers})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Instrumented code hides the flow that these two judge by: they report what is not there.
        target_compile_options(ce_options INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds)
    endif()
endif()
if(CE_BUILD_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "CE_BUILD_FUZZ needs clang: use `cmake --preset fuzz` (Debian package clang-19)")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CE_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()

# Paths in messages and debug information are relative to the repository, and ccache is told so: a fresh clone elsewhere
# then finds what another one has compiled.
file(RELATIVE_PATH up "${PROJECT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}/")
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=" "-ffile-prefix-map=${up}=")
find_program(CE_CCACHE ccache)
if(CE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 CCACHE_ABSSTDERR=1
        "${CE_CCACHE}")
endif()
find_program(CE_FAST_LINKER NAMES mold ld.lld)
if(CE_FAST_LINKER)
    get_filename_component(linker "${CE_FAST_LINKER}" NAME)
    string(REPLACE "ld.lld" "lld" linker "${linker}")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        add_link_options(--ld-path=${CE_FAST_LINKER})
    else()
        add_link_options(-fuse-ld=${linker})
    endif()
endif()
add_link_options(-Wl,-z,relro,-z,now)
