# find_package(zmd) finds libzmd where it was installed together with this file, and gives the targets zmd::zmd and, on Linux
# and macOS where libzmd.a is installed, zmd::zmd-static. Both bring zmd.h and zmd.hpp along.

include("${CMAKE_CURRENT_LIST_DIR}/zmdPrefix.cmake")
find_path(zmd_INCLUDE_DIR zmd.h PATHS "${_zmd_prefix}/include" NO_DEFAULT_PATH)
set(_zmd_places PATHS "${_zmd_prefix}" PATH_SUFFIXES "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64 NO_DEFAULT_PATH)
find_library(zmd_LIBRARY zmd ${_zmd_places})
if(CMAKE_SYSTEM_NAME MATCHES "^(Linux|Darwin)$")
    find_library(zmd_STATIC_LIBRARY libzmd.a ${_zmd_places})
endif()
mark_as_advanced(zmd_INCLUDE_DIR zmd_LIBRARY zmd_STATIC_LIBRARY)
unset(_zmd_prefix)
unset(_zmd_places)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(zmd REQUIRED_VARS zmd_LIBRARY zmd_INCLUDE_DIR VERSION_VAR zmd_VERSION)

if(zmd_FOUND)
    include("${CMAKE_CURRENT_LIST_DIR}/zmdTargets.cmake")
endif()
