package machine

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// The files of the ids that users may map in user namespaces (subuid(5), subgid(5)).
const (
	subuids = "/etc/subuid"
	subgids = "/etc/subgid"
)

// minIDs is how many ids a user namespace needs beside root: containers run as any up to 65535, which is that of pause.
const minIDs = 65535

// idRange are ids outside of a user namespace.
type idRange struct{ first, count int }

// ids are what a user namespace of this process's user maps: the user to root, and the ranges to the ids from 1 on.
type ids struct{ users, groups idRange }

// idsOfUser returns the ids that this process's user may map.
func idsOfUser() (ids, error) {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	users, err := largestRange(subuids, name)
	if err != nil {
		return ids{}, err
	}
	groups, err := largestRange(subgids, name)
	return ids{users, groups}, err
}

// largestRange returns the largest range of a user in a file with lines such as "alice:100000:65536". A line may have
// the user's id in place of the name.
func largestRange(path, name string) (idRange, error) {
	text, _ := os.ReadFile(path) // without the file there are no ranges
	var largest idRange
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSpace(line), ":")
		if len(parts) != 3 || parts[0] != name && parts[0] != strconv.Itoa(os.Getuid()) {
			continue
		}
		first, err := strconv.Atoi(parts[1])
		count, countErr := strconv.Atoi(parts[2])
		if err == nil && countErr == nil && count > largest.count {
			largest = idRange{first, count}
		}
	}
	if largest.count < minIDs {
		return largest, fmt.Errorf("a range of 65536 ids of user %s in %s (sudo usermod --add-subuids 100000-165535 "+
			"--add-subgids 100000-165535 %[1]s; with other numbers if another user has these)", name, path)
	}
	return largest, nil
}

// writeMaps maps the ids of a user namespace, whose first process is given, by the programs of the package uidmap.
func (i ids) writeMaps(pid int) error {
	for _, m := range []struct {
		program string
		own     int
		idRange
	}{{"newuidmap", os.Getuid(), i.users}, {"newgidmap", os.Getgid(), i.groups}} {
		args := []int{pid, 0, m.own, 1, 1, m.first, m.count}
		words := make([]string, len(args))
		for i, n := range args {
			words[i] = strconv.Itoa(n)
		}
		path, ok := Find(m.program)
		if !ok {
			return fmt.Errorf("the program %s (sudo apt-get install uidmap)", m.program)
		}
		if out, err := exec.Command(path, words...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s, which must be setuid root: %w: %s", path, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
