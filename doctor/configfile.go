package doctor

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// configFile is OCI's configuration file as the provider finds it. OCI_CONFIG_FILE stands in where there is none in the
// home directory (oci-go-sdk v65.129.0, common, getDefaultConfigFilePath).
func configFile(home string) string {
	path := homeFile(home)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if other := os.Getenv("OCI_CONFIG_FILE"); other != "" {
		if _, err := os.Stat(other); err == nil {
			return other
		}
	}
	return path
}

func homeFile(home string) string { return filepath.Join(home, ".oci", "config") }

var heading = regexp.MustCompile(`^\[(.*)\]`)

// readProfiles reads the file as oci-go-sdk does, which has no such function for others: an INI file whose keys are in
// any case.
func readProfiles(path string) (map[string]map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("OCI's configuration file cannot be read: %w", err)
	}
	profiles := map[string]map[string]string{}
	var current map[string]string
	for line := range strings.Lines(string(text)) {
		if match := heading.FindStringSubmatch(line); match != nil {
			current = map[string]string{}
			profiles[match[1]] = current
			continue
		}
		if key, value, found := strings.Cut(line, "="); found && current != nil {
			current[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return profiles, nil
}

func profileNames(profiles map[string]map[string]string) []string {
	return slices.Sorted(maps.Keys(profiles))
}

// expand replaces ~ in a path.
func expand(path, home string) string {
	if rest, found := strings.CutPrefix(path, "~"); found {
		return filepath.Join(home, rest)
	}
	return path
}
