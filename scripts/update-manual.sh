#!/bin/bash
# update-manual.sh - write the manual page, the reference page and the completions, as build/release/asof prints them.
. "$(dirname "$0")/lib.sh"

asof=${ASOF:-$root/build/release/asof}
[ -x "$asof" ] || die "no '$asof'" "run 'make build'"

# write FILE COMMAND..: whole or not at all
write()
{
	local file=$root/$1
	shift
	mkdir -p "$(dirname "$file")"
	"$asof" "$@" > "$file.new"
	mv "$file.new" "$file"
}

write docs/man/asof.1 manual man
write docs/reference/cli.md manual markdown
write share/completions/bash/asof completion bash
write share/completions/zsh/_asof completion zsh
write share/completions/fish/asof.fish completion fish
