# Finds the DuckDB that scripts/fetch-duckdb.sh put into the cache, or the one in ASOF_DUCKDB_DIR
# (a directory with lib/ and include/). Gives DuckDB::DuckDB, DuckDB_ROOT_DIR and DuckDB_EXTENSION_DIR.
include(FindPackageHandleStandardArgs)

if(NOT DEFINED ASOF_DUCKDB_DIR AND DEFINED ENV{ASOF_DUCKDB_DIR})
	set(ASOF_DUCKDB_DIR $ENV{ASOF_DUCKDB_DIR})
endif()
if(DEFINED ENV{ASOF_CACHE})
	set(asof_cache $ENV{ASOF_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
	set(asof_cache $ENV{XDG_CACHE_HOME}/asof)
else()
	set(asof_cache $ENV{HOME}/.cache/asof)
endif()
if(ASOF_DUCKDB_DIR)
	set(DuckDB_ROOT_DIR ${ASOF_DUCKDB_DIR})
else()
	set(DuckDB_ROOT_DIR ${asof_cache}/duckdb-${DuckDB_FIND_VERSION})
endif()
set(DuckDB_EXTENSION_DIR ${DuckDB_ROOT_DIR}/ext)
set(DuckDB_VERSION ${DuckDB_FIND_VERSION})

# Not cached: another ASOF_CACHE must be believed at once.
find_library(DuckDB_LIBRARY duckdb PATHS ${DuckDB_ROOT_DIR}/lib NO_DEFAULT_PATH NO_CACHE)
find_path(DuckDB_INCLUDE_DIR duckdb.h PATHS ${DuckDB_ROOT_DIR}/include NO_DEFAULT_PATH NO_CACHE)
find_package_handle_standard_args(DuckDB
	REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
	REASON_FAILURE_MESSAGE "not in '${DuckDB_ROOT_DIR}': run 'make setup', or set ASOF_DUCKDB_DIR")

if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
	add_library(DuckDB::DuckDB SHARED IMPORTED)
	set_target_properties(DuckDB::DuckDB PROPERTIES
		IMPORTED_LOCATION ${DuckDB_LIBRARY}
		IMPORTED_SONAME libduckdb.so
		INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
