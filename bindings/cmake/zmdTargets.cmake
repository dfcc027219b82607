# The targets zmd::zmd and, where there is a static library, zmd::zmd-static. zmdConfig.cmake includes it, and so does libzmd's
# own CMakeLists.txt.

# What rustc --print native-static-libs prints, without what a C compiler adds by itself.
if(APPLE)
    set(_zmd_static_needs "-framework Security;-framework CoreFoundation;iconv")
else()
    set(_zmd_static_needs "util;rt;pthread;m;dl")
endif()

if(NOT TARGET zmd::zmd)
    add_library(zmd::zmd UNKNOWN IMPORTED ${zmd_SCOPE})
    set_target_properties(zmd::zmd PROPERTIES
        IMPORTED_LOCATION "${zmd_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${zmd_INCLUDE_DIR}")
    # Where only the static one was installed.
    if(zmd_LIBRARY STREQUAL "${zmd_STATIC_LIBRARY}")
        set_property(TARGET zmd::zmd PROPERTY INTERFACE_LINK_LIBRARIES "${_zmd_static_needs}")
    endif()
endif()

if(zmd_STATIC_LIBRARY AND NOT TARGET zmd::zmd-static)
    add_library(zmd::zmd-static STATIC IMPORTED ${zmd_SCOPE})
    set_target_properties(zmd::zmd-static PROPERTIES
        IMPORTED_LOCATION "${zmd_STATIC_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${zmd_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${_zmd_static_needs}")
endif()
unset(_zmd_static_needs)
