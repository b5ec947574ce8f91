package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// bash runs "bash -c SCRIPT [NAME [ARGUMENT...]]".
func bash(ctx context.Context, args []string) error {
	if len(args) < 2 || args[0] != "-c" {
		return errors.New("the stand-in's bash runs scripts of its command line only: bash -c SCRIPT [NAME [ARGUMENT...]]")
	}
	name, params := "bash", args[2:]
	if len(params) > 0 {
		name, params = params[0], params[1:]
	}
	script, err := syntax.NewParser().Parse(strings.NewReader(args[1]), name)
	if err != nil {
		return err
	}
	env := os.Environ()
	if host, err := os.Hostname(); err == nil && os.Getenv("HOSTNAME") == "" {
		env = append(env, "HOSTNAME="+host) // bash sets it
	}
	runner, err := interp.New(
		interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.Env(expand.ListEnviron(env...)),
		interp.Params(append([]string{"--"}, params...)...), interp.CallHandler(builtin),
	)
	if err != nil {
		return err
	}
	return runner.Run(ctx, script)
}

// builtin runs what the interpreter lacks of bash's own commands, or does otherwise. It returns what is left to run.
func builtin(ctx context.Context, args []string) ([]string, error) {
	switch args[0] {
	case "exec":
		return replaceProcess(ctx, args)
	case "ulimit":
		return openFiles(args[1:])
	}
	return args, nil
}

// openFiles runs "ulimit -Hn", which prints how many files the process may open at most, and "ulimit -Sn NUMBER", which
// lets it open that many.
func openFiles(args []string) ([]string, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, err
	}
	switch {
	case len(args) == 1 && args[0] == "-Hn":
		return []string{"echo", strconv.FormatUint(limit.Max, 10)}, nil
	case len(args) == 2 && args[0] == "-Sn":
		var err error
		if limit.Cur, err = strconv.ParseUint(args[1], 10, 64); err != nil {
			return nil, fmt.Errorf("ulimit: %w", err)
		}
		return []string{"true"}, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	return nil, errors.New("the stand-in's ulimit knows -Hn and -Sn NUMBER only")
}

// replaceProcess makes exec replace the process, so that signals reach the new program. The interpreter's own exec
// starts a child.
func replaceProcess(ctx context.Context, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	var env []string
	for name, v := range interp.HandlerCtx(ctx).Env.Each {
		if v.Exported && v.IsSet() {
			env = append(env, name+"="+v.String())
		}
	}
	return nil, become(args[1:], env)
}

// become replaces the process by another program.
func become(args, env []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, args, env))
}

// install runs "install [-m MODE] SOURCE TARGET", which copies a file.
func install(args []string) (err error) {
	mode := uint64(0o755)
	if len(args) > 1 && args[0] == "-m" {
		if mode, err = strconv.ParseUint(args[1], 8, 12); err != nil {
			return fmt.Errorf("invalid mode %q", args[1])
		}
		args = args[2:]
	}
	if len(args) != 2 {
		return errors.New("the stand-in's install copies one file: install [-m MODE] SOURCE TARGET")
	}
	source, target := args[0], args[1]
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, filepath.Base(source))
	}
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(target); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(os.FileMode(mode)), out.Close())
}
