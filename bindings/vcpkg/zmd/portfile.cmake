# An overlay port: it builds the checkout that it is in, with the cargo that is installed.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# cargo builds it optimized, and the library's interface is C's: a debug build would be the same.
set(VCPKG_BUILD_TYPE release)
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS -DZMD_INSTALL=ON "-DCMAKE_INSTALL_DATADIR=share"
)
vcpkg_cmake_install()

# vcpkg has one kind of library in a package, and a package's CMake files in share/PORT.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
    file(GLOB unwanted "${CURRENT_PACKAGES_DIR}/lib/libzmd.so*" "${CURRENT_PACKAGES_DIR}/lib/libzmd*.dylib")
else()
    set(unwanted "${CURRENT_PACKAGES_DIR}/lib/libzmd.a")
endif()
file(REMOVE ${unwanted})
file(RENAME "${CURRENT_PACKAGES_DIR}/share/cmake/zmd" "${CURRENT_PACKAGES_DIR}/share/zmd")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/cmake" "${CURRENT_PACKAGES_DIR}/share/doc")

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST
    "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE" "${SOURCE_PATH}/THIRD-PARTY-LICENSES")
