/* command.c - finding commands, and checking their words. */
#include "cli/command.h"

#include <assert.h>

#include "base/suggest.h"

#define COMMANDS_MAX 64

const struct asof_command *
asof_program_find(const struct asof_program *program, const char *name)
{
	for (size_t i = 0; i < program->command_count; i++) {
		if (strcmp(program->commands[i]->name, name) == 0)
			return program->commands[i];
	}
	return NULL;
}

enum asof_status
asof_program_fail_unknown(const struct asof_program *program, const char *name,
			  struct asof_error *err)
{
	assert(program->command_count <= COMMANDS_MAX);

	const char *names[COMMANDS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			names[count++] = program->commands[i]->name;
	}
	const char *nearest = asof_suggest(asof_str_from(name), names, count);
	if (nearest)
		return ASOF_FAIL(err, ASOF_INVALID, "unknown command '%s'; did you mean '%s'?",
				 name, nearest);
	return ASOF_FAIL(err, ASOF_INVALID, "unknown command '%s'", name);
}

enum asof_status
asof_command_check_words(const struct asof_command *command, const char *const *words,
			 size_t word_count, struct asof_error *err)
{
	if (word_count < command->words.min)
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' needs %s", command->name,
				 command->words.missing);
	if (word_count > command->words.max)
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' does not take '%s'", command->name,
				 words[command->words.max]);
	for (size_t i = 0; command->words.choices && i < word_count; i++)
		ASOF_TRY(asof_choice_check(command->words.label, command->words.choices, words[i],
					   err));
	return ASOF_OK;
}
