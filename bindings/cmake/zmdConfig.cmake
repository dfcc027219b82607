# find_package(zmd) finds libzmd where it was installed together with this file, and gives the target zmd::zmd, which
# brings zmd.h and zmd.hpp along. For a program linked statically: pkg-config --static --libs zmd.

get_filename_component(_zmd_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_path(zmd_INCLUDE_DIR zmd.h PATHS "${_zmd_prefix}/include" NO_DEFAULT_PATH)
find_library(zmd_LIBRARY zmd
    PATHS "${_zmd_prefix}" PATH_SUFFIXES "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib lib64 NO_DEFAULT_PATH)
mark_as_advanced(zmd_INCLUDE_DIR zmd_LIBRARY)
unset(_zmd_prefix)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(zmd REQUIRED_VARS zmd_LIBRARY zmd_INCLUDE_DIR VERSION_VAR zmd_VERSION)

if(zmd_FOUND AND NOT TARGET zmd::zmd)
    add_library(zmd::zmd UNKNOWN IMPORTED)
    set_target_properties(zmd::zmd PROPERTIES
        IMPORTED_LOCATION "${zmd_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${zmd_INCLUDE_DIR}")
endif()
