package stackfile

import (
	"fmt"
	"regexp"
	"strings"
)

// element matches the path to a field of an object in a list.
var element = regexp.MustCompile(`^(.+)\[(\d+)\]\.(\w+)$`)

// Clear reports whether the config of a stack's file has the field at a path, such as "project:guestbooks[1].name", as
// text that anybody can read. It is false where the file lacks the field, or has it or what contains it encrypted.
func Clear(config map[string]any, path string) bool {
	parts := element.FindStringSubmatch(path)
	if parts == nil {
		return false
	}
	value, ok := config[parts[1]]
	if !ok { // the project's keys need no namespace
		_, key, _ := strings.Cut(parts[1], ":")
		value = config[key]
	}
	list, _ := value.([]any)
	var index int
	if _, err := fmt.Sscan(parts[2], &index); err != nil || index >= len(list) {
		return false
	}
	fields, _ := list[index].(map[string]any)
	text, isText := fields[parts[3]].(string)
	return isText && text != ""
}
