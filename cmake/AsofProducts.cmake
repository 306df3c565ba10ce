# What is shipped: libasof.so (api and everything below it), the program `asof`, and how others find them.

set(asof_library_modules base model define codec kernel plan postgres engine lake store source catalog job api)
set(asof_objects)
foreach(module IN LISTS asof_library_modules)
	asof_module_has_sources(${module} has_sources)
	if(has_sources)
		list(APPEND asof_objects $<TARGET_OBJECTS:asof_${module}>)
	endif()
endforeach()

# libduckdb.so is installed into a directory of asof's own, so that it disturbs no other DuckDB.
set(asof_private_libdir ${CMAKE_INSTALL_LIBDIR}/asof)

asof_module_has_sources(api asof_has_api)
if(asof_has_api)
	# Of every object, called or not; the archives behind asof_api only bring the foreign libraries.
	add_library(asof_shared SHARED ${asof_objects})
	target_link_libraries(asof_shared PRIVATE asof_api)
	if(NOT ASOF_SANITIZED)
		target_link_options(asof_shared PRIVATE -Wl,--no-undefined)
	endif()
	set_target_properties(asof_shared PROPERTIES
		OUTPUT_NAME asof
		VERSION ${PROJECT_VERSION}
		SOVERSION ${PROJECT_VERSION_MAJOR}
		INSTALL_RPATH "$ORIGIN/asof")
	install(TARGETS asof_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
	install(FILES include/asof.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/src/cli/main.c)
	add_executable(asof src/cli/main.c)
	target_link_libraries(asof PRIVATE asof_cli)
	file(RELATIVE_PATH asof_up ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
	set_target_properties(asof PROPERTIES INSTALL_RPATH "$ORIGIN/${asof_up}/asof")
	install(TARGETS asof RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${DuckDB_LIBRARY} DESTINATION ${asof_private_libdir})

# pkg-config and CMake packages.
include(CMakePackageConfigHelpers)
file(RELATIVE_PATH asof_prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" asof_prefix_from_pc ${asof_prefix_from_pc})
configure_file(cmake/asof.pc.in asof.pc @ONLY)
configure_package_config_file(cmake/asofConfig.cmake.in asofConfig.cmake
	INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/asof
	PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(asofConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/asof.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/asofConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/asofConfigVersion.cmake
	DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/asof)

# Manual pages and completions, where they are written.
file(GLOB asof_manuals CONFIGURE_DEPENDS docs/man/*.1)
install(FILES ${asof_manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(completion IN ITEMS
	"bash/asof:bash-completion/completions" "zsh/_asof:zsh/site-functions" "fish/asof.fish:fish/vendor_completions.d")
	string(REPLACE ":" ";" completion ${completion})
	list(GET completion 0 completion_file)
	list(GET completion 1 completion_dir)
	install(FILES share/completions/${completion_file} DESTINATION ${CMAKE_INSTALL_DATADIR}/${completion_dir} OPTIONAL)
endforeach()
