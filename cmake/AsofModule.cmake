# asof_module(NAME [USES module..] [PRIVATE library..])
#
# One static library per folder of src/, of every .c file in it. A module that reaches for something
# that is not to its left does not link in its own test. Foreign libraries are PRIVATE: their headers
# are seen here only. A folder without sources yet is an empty interface.
function(asof_module name)
	cmake_parse_arguments(M "" "" "USES;PRIVATE" ${ARGN})
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/${name}/*.c)
	if(name STREQUAL "cli")
		list(FILTER sources EXCLUDE REGEX "/main\\.c$")
	endif()
	if(sources)
		add_library(asof_${name} STATIC ${sources})
		target_link_libraries(asof_${name} PUBLIC asof_flags ${M_USES} PRIVATE ${M_PRIVATE})
	else()
		add_library(asof_${name} INTERFACE)
		target_link_libraries(asof_${name} INTERFACE asof_flags ${M_USES})
	endif()
endfunction()

# asof_module_has_sources(NAME RESULT)
function(asof_module_has_sources name result)
	get_target_property(type asof_${name} TYPE)
	if(type STREQUAL "STATIC_LIBRARY")
		set(${result} TRUE PARENT_SCOPE)
	else()
		set(${result} FALSE PARENT_SCOPE)
	endif()
endfunction()
