package standin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// state is what the stand-in keeps beside the database's files.
type state struct {
	Known  bool   // the data directory has been used before
	Users  []user // by database and name
	Config *replicaSet
	Self   string // this member's host in Config
}

// disk is the state in a file. It is safe for concurrent use.
type disk struct {
	mu   sync.Mutex
	file string
	state
}

func openDisk(dir string) (*disk, error) {
	d := &disk{file: filepath.Join(dir, "standin.bson")}
	content, err := os.ReadFile(d.file)
	if errors.Is(err, os.ErrNotExist) {
		return d, nil
	}
	if err == nil {
		err = bson.Unmarshal(content, &d.state)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.file, err)
	}
	return d, nil
}

// read returns a copy of the state.
func (d *disk) read() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// change changes the state, and has it on disk before it returns. A new state replaces slices, and does not change
// them.
func (d *disk) change(f func(*state)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := d.state
	f(&next)
	next.Known = true
	content, err := bson.Marshal(next)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(d.file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(d.file+".new", d.file); err != nil {
		return err
	}
	d.state = next
	return nil
}

// lock makes sure that one server at a time uses a data directory. The lock ends with the process.
func lock(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "mongod.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--dbpath: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another mongod uses %s: %w", dir, err), file.Close())
	}
	return file, nil
}

// fileSystem returns the fields of dbStats about the file system with the data (MongoDB manual, "dbStats").
func fileSystem(dir string) bson.D {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return nil
	}
	total, free := float64(stat.Blocks)*float64(stat.Bsize), float64(stat.Bfree)*float64(stat.Bsize)
	return bson.D{{Key: "fsUsedSize", Value: total - free}, {Key: "fsTotalSize", Value: total}}
}
