// Package repository finds the directory of this repository.
package repository

import (
	"errors"
	"os"
	"path/filepath"
)

// Find returns the directory of Pulumi.yaml: the current one or the nearest above.
func Find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no Pulumi.yaml in the current directory or above: run this within the repository")
		}
	}
}
