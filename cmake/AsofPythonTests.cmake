# tests/e2e and tests/property: one ctest per tests/<suite>/test_*.py, run by the Python of the test
# environment (scripts/venv.sh) against the program and the library of this build.
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/venv.sh --where
	OUTPUT_VARIABLE asof_python OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(asof_python_timeout 600)
if(DEFINED ENV{ASOF_TEST_LONG})
	set(asof_python_timeout 3600)
endif()

foreach(suite IN ITEMS e2e property)
	file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${suite}/test_*.py)
	foreach(source IN LISTS sources)
		get_filename_component(name ${source} NAME_WE)
		add_test(NAME ${suite}/${name}
			COMMAND ${asof_python} -m unittest -v ${name}
			WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/tests/${suite})
		set_tests_properties(${suite}/${name} PROPERTIES
			LABELS ${suite} TIMEOUT ${asof_python_timeout}
			ENVIRONMENT "${asof_test_env};ASOF_BIN=${PROJECT_BINARY_DIR}/asof;ASOF_LIB_DIR=${PROJECT_BINARY_DIR};PYTHON=${asof_python};PYTHONPATH=${PROJECT_SOURCE_DIR}/tests;PYTHONDONTWRITEBYTECODE=1")
	endforeach()
endforeach()
