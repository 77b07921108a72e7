package program

import "regexp"

// A repair renames what newer versions of Python have dropped or moved. It looks
// at text, not at meaning: a name in a string or a comment is renamed as well.
type repair struct {
	find *regexp.Regexp
	with string
}

// abstract are the classes that Python 3.10 took out of collections.
const abstract = "Callable|Container|Hashable|Iterable|Iterator|Generator|Mapping|MutableMapping|MutableSequence|MutableSet|Reversible|Sequence|Set|Sized"

func repairs() []repair {
	return []repair{
		{regexp.MustCompile(`(?m)^([ \t]*)from collections import ((?:` + abstract + `)(?:[ \t]*,[ \t]*(?:` + abstract + `))*)[ \t]*$`), "${1}from collections.abc import $2"},
		{regexp.MustCompile(`\bcollections\.(` + abstract + `)\b`), "__import__('collections.abc').abc.$1"},
		{regexp.MustCompile(`(?m)^([ \t]*)from fractions import gcd\b`), "${1}from math import gcd"},
		{regexp.MustCompile(`\bfractions\.gcd\b`), "__import__('math').gcd"},
		{regexp.MustCompile(`\binspect\.getargspec\b`), "inspect.getfullargspec"},
		{regexp.MustCompile(`\basyncio\.async\(`), "asyncio.ensure_future("},
		{regexp.MustCompile(`\btime\.clock\(`), "time.process_time("},
	}
}

// patch repairs what can be repaired in a line, and leaves all else as it is:
// C++ gets the header that has all others where it includes none.
func patch(code, language string) string {
	switch language {
	case "python":
		for _, r := range repairs() {
			code = r.find.ReplaceAllString(code, r.with)
		}
		return code
	case "cpp":
		if !regexp.MustCompile(`(?m)^\s*#\s*include`).MatchString(code) {
			code = "#include <bits/stdc++.h>\nusing namespace std;\n" + code
		}
	}
	return code
}
