package standin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"oke-guestbook/app/internal/store"
)

// mongoUser is the user of the official image, and its group.
const mongoUser = 999

// entrypoint does what docker-entrypoint.sh of the official image does (docker-library/mongo, 8.0/docker-entrypoint.sh,
// read in November 2026): it leaves root, makes the first user of a new data directory, and becomes mongod.
func entrypoint(args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{"mongod"}, args...)
	}
	if filepath.Base(args[0]) != "mongod" {
		return become(args, os.Environ())
	}
	if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--bind_ip") }) {
		args = append(args, "--bind_ip_all")
	}
	o, err := parse(args[1:])
	if err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if err := leaveRoot(o.dbPath); err != nil {
			return err
		}
	}
	name, password, err := firstUser()
	if err != nil {
		return err
	}
	if name != "" {
		if err := createFirstUser(o.dbPath, name, password); err != nil {
			return err
		}
		if !o.auth {
			args = append(args, "--auth")
		}
	}
	return become(args, os.Environ())
}

// leaveRoot gives the data to the database's user, and becomes that user.
func leaveRoot(dir string) error {
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, mongoUser, mongoUser)
		}
		return err
	})
	if err := errors.Join(err, syscall.Setgroups([]int{mongoUser}), syscall.Setgid(mongoUser),
		syscall.Setuid(mongoUser)); err != nil {
		return fmt.Errorf("run as user %d: %w", mongoUser, err)
	}
	return nil
}

// firstUser returns name and password of the user to make, or empty ones.
func firstUser() (name, password string, err error) {
	if name, err = fromEnvironment("MONGO_INITDB_ROOT_USERNAME"); err != nil {
		return "", "", err
	}
	if password, err = fromEnvironment("MONGO_INITDB_ROOT_PASSWORD"); err != nil {
		return "", "", err
	}
	if (name == "") != (password == "") {
		return "", "", errors.New(`missing "MONGO_INITDB_ROOT_USERNAME" or "MONGO_INITDB_ROOT_PASSWORD": ` +
			"both must be specified for a user to be created")
	}
	return name, password, nil
}

// fromEnvironment returns a variable's value, or the content of the file that the variable with _FILE names.
func fromEnvironment(key string) (string, error) {
	value, file := os.Getenv(key), os.Getenv(key+"_FILE")
	switch {
	case value != "" && file != "":
		return "", fmt.Errorf("both %s and %s_FILE are set, but are exclusive", key, key)
	case file != "":
		return store.ReadPassword(key+"_FILE", file)
	}
	return value, nil
}

func createFirstUser(dir, name, password string) error {
	d, err := openDisk(dir)
	if err != nil || d.Known {
		return err
	}
	u, err := newUser("admin", name, password, []role{{Role: "root", DB: "admin"}})
	if err != nil {
		return err
	}
	return d.change(func(s *state) { s.Users = []user{u} })
}
