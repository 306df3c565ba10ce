# asof_embed(TARGET FILE NAME)
#
# The bytes of FILE in TARGET, as `const unsigned char NAME[]` and `const size_t NAME_size`; made anew whenever FILE
# changes. Run as a script with FILE, OUT and NAME it writes the C source.
if(CMAKE_SCRIPT_MODE_FILE)
	file(READ "${FILE}" bytes HEX)
	string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
	file(WRITE "${OUT}" "#include <stddef.h>\n\nextern const unsigned char ${NAME}[];\nextern const size_t ${NAME}_size;\n"
		"const unsigned char ${NAME}[] = {\n${bytes}\n};\nconst size_t ${NAME}_size = sizeof(${NAME});\n")
	return()
endif()

set(asof_embed_script "${CMAKE_CURRENT_LIST_FILE}")
function(asof_embed target file name)
	set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
	add_custom_command(OUTPUT ${out}
		COMMAND ${CMAKE_COMMAND} -DFILE=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUT=${out} -DNAME=${name}
			-P ${asof_embed_script}
		DEPENDS ${file} ${asof_embed_script} VERBATIM)
	target_sources(${target} PRIVATE ${out})
endfunction()
