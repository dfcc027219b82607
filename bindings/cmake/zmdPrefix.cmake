# Where the header is, above share/cmake/zmd, lib/cmake/zmd or wherever a packager has put these files.
set(_zmd_prefix "${CMAKE_CURRENT_LIST_DIR}")
while(NOT EXISTS "${_zmd_prefix}/include/zmd.h" AND NOT _zmd_prefix MATCHES "^(.:)?/?$")
    get_filename_component(_zmd_prefix "${_zmd_prefix}" DIRECTORY)
endwhile()
