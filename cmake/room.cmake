# SPDX-License-Identifier: Apache-2.0
# room(NAME SOURCES a.c b.c USES other rooms and libraries)
#
# One folder of the tree as a static library. What it may include is what it USES, so a link that
# points upward does not link; test/lint checks the include lines themselves.
function(room name)
    cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
    add_library(${name} STATIC ${ROOM_SOURCES})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ROOM_USES})
endfunction()
