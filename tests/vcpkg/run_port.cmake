# Runs the port with CMake alone, as vcpkg does for a triplet of one build type: what the port calls of vcpkg's scripts is here.
#
#     cmake -DPORT_DIR=... -DCURRENT_BUILDTREES_DIR=... -DCURRENT_PACKAGES_DIR=... -DVCPKG_LIBRARY_LINKAGE=static|dynamic
#         [-DDOWNLOADS=...] -P run_port.cmake
#
# DOWNLOADS is a directory with what the port would download.
cmake_minimum_required(VERSION 3.18)
set(PORT zmd)

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "failed: ${ARGN}")
    endif()
endfunction()

function(vcpkg_download_distfile variable)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILENAME;SHA512" "URLS")
    file(SHA512 "${DOWNLOADS}/${arg_FILENAME}" sum)
    if(arg_UNPARSED_ARGUMENTS OR NOT sum STREQUAL arg_SHA512 OR NOT arg_URLS MATCHES "/${arg_FILENAME}$")
        message(FATAL_ERROR "${arg_FILENAME} is not what ${arg_URLS} has")
    endif()
    set(${variable} "${DOWNLOADS}/${arg_FILENAME}" PARENT_SCOPE)
endfunction()

function(vcpkg_extract_source_archive variable)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "ARCHIVE" "")
    file(ARCHIVE_EXTRACT INPUT "${arg_ARCHIVE}" DESTINATION "${CURRENT_BUILDTREES_DIR}/src")
    file(GLOB directory "${CURRENT_BUILDTREES_DIR}/src/*")
    set(${variable} "${directory}" PARENT_SCOPE)
endfunction()

function(vcpkg_cmake_configure)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
    if(arg_UNPARSED_ARGUMENTS OR NOT VCPKG_BUILD_TYPE STREQUAL "release")
        message(FATAL_ERROR "not known here: ${arg_UNPARSED_ARGUMENTS} ${VCPKG_BUILD_TYPE}")
    endif()
    run("${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${CURRENT_BUILDTREES_DIR}" ${arg_OPTIONS}
        "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" -DCMAKE_INSTALL_LIBDIR=lib)
endfunction()

function(vcpkg_cmake_install)
    run("${CMAKE_COMMAND}" --build "${CURRENT_BUILDTREES_DIR}" --target install)
endfunction()

function(vcpkg_install_copyright)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
    foreach(part IN LISTS arg_FILE_LIST)
        file(READ "${part}" text)
        file(APPEND "${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright" "${text}")
    endforeach()
endfunction()

include("${PORT_DIR}/portfile.cmake")
