package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Groups of version 2 that local clouds share say what divide has changed, so that the last one to end restores it,
// also if the one that changed it was killed: below changes is a group for each controller that was turned on, and
// evacuated with the processes that had to move.
const (
	prefix    = claimed + "-" // of all groups of local clouds
	changes   = prefix + "changes"
	evacuated = "processes"
)

// lock waits until no other local cloud divides or restores the hierarchy.
func (h hierarchy) lock() (unlock func(), err error) {
	dir, err := os.Open(h.path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", h.path, err), dir.Close())
	}
	return func() { dir.Close() }, nil
}

// divide turns on the controllers that nodes need for the groups below. In a container, the group that seems to be the
// root is none: it must not have processes while groups below it have controllers, so they move.
func (h hierarchy) divide() error {
	missing, err := missingControllers(h.path)
	if err != nil {
		return err
	}
	for _, name := range missing {
		if err := os.MkdirAll(filepath.Join(h.path, changes, name), 0o755); err != nil {
			return err
		}
	}
	err = enableControllers(h.path)
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	leaf := filepath.Join(h.path, changes, evacuated)
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return err
	}
	if err := moveProcesses(h.path, leaf); err != nil {
		return err
	}
	return enableControllers(h.path)
}

// restore undoes what divide has changed, if no group of a local cloud is left. What somebody else has begun to use
// meanwhile stays, until a local cloud ends after that.
func (h hierarchy) restore() error {
	groups, err := filepath.Glob(filepath.Join(h.path, prefix+"*"))
	if err != nil || len(groups) != 1 || filepath.Base(groups[0]) != changes {
		return err
	}
	err = h.undo(groups[0])
	if errors.Is(err, unix.EBUSY) {
		return nil
	}
	return err
}

func (h hierarchy) undo(record string) error {
	changed, err := os.ReadDir(record)
	if err != nil {
		return err
	}
	for _, c := range changed {
		if !c.IsDir() || c.Name() == evacuated {
			continue
		}
		if err := os.WriteFile(filepath.Join(h.path, subtreeControl), []byte("-"+c.Name()), 0); err != nil {
			return fmt.Errorf("turn off controller %s: %w", c.Name(), err)
		}
		if err := unix.Rmdir(filepath.Join(record, c.Name())); err != nil {
			return err
		}
	}
	leaf := filepath.Join(record, evacuated)
	if _, err := os.Stat(leaf); err == nil {
		if err := moveProcesses(leaf, h.path); err != nil {
			return err
		}
	}
	return removeTree(record)
}
