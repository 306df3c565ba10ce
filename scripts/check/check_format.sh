#!/bin/bash
# Is the C laid out as .clang-format says? With `fix`: lay it out.
cd "$(dirname "$0")/../.." || exit 1
mapfile -d '' -t files < <(git ls-files -z -co --exclude-standard '*.c' '*.h')
existing=()
for file in "${files[@]}"; do
	[ ! -f "$file" ] || existing+=("$file")
done
if [ "${1-}" = fix ]; then
	clang-format-14 -i "${existing[@]}"
elif clang-format-14 --dry-run -Werror "${existing[@]}"; then
	echo "check format: ok"
else
	echo "check format: see above. Remedy: make format"
	exit 1
fi
