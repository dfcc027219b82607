# The version is that of the installed zmd.h. A newer one serves as long as the major version is the same.

set(PACKAGE_VERSION "")
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../../../include/zmd.h" _zmd_numbers
    REGEX "^#define ZMD_VERSION_(MAJOR|MINOR|PATCH) ")
foreach(_zmd_number IN LISTS _zmd_numbers)
    string(REGEX REPLACE ".* " "." _zmd_number "${_zmd_number}")
    string(APPEND PACKAGE_VERSION "${_zmd_number}")
endforeach()
string(SUBSTRING "${PACKAGE_VERSION}" 1 -1 PACKAGE_VERSION)

string(REGEX REPLACE "\\..*" "" _zmd_major "${PACKAGE_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_FIND_VERSION VERSION_LESS PACKAGE_VERSION AND "${PACKAGE_FIND_VERSION_MAJOR}" EQUAL _zmd_major)
    set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
unset(_zmd_numbers)
unset(_zmd_number)
unset(_zmd_major)
