package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// Connect returns a client for programs other than the server: it reads the password file once. It connects on first
// use. Each error names the environment variable of its setting.
func Connect(cfg Config) (*mongo.Client, error) {
	if cfg.PasswordFile == "" {
		return connect(cfg, "")
	}
	password, err := ReadPassword(passwordVariable, cfg.PasswordFile)
	if err != nil {
		return nil, err
	}
	return connect(cfg, password)
}

// connect returns a client, which connects on first use. Options in the URI take precedence over cfg.
func connect(cfg Config, password string) (*mongo.Client, error) {
	journal := true
	opts := options.Client().
		SetAppName("guestbook").
		SetMaxPoolSize(uint64(cfg.Connections)).
		SetMaxConnIdleTime(5 * time.Minute).
		SetServerSelectionTimeout(cfg.Timeout).
		SetConnectTimeout(cfg.Timeout).
		SetTimeout(cfg.Timeout).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		ApplyURI(cfg.URI)
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("MONGODB_URI: %s", redact(err.Error(), cfg.URI))
	}
	if cfg.Username != "" {
		if opts.Auth != nil {
			return nil, errors.New("MONGODB_URI contains a user and MONGODB_USERNAME is set: use one of them")
		}
		opts.SetAuth(options.Credential{
			Username: cfg.Username, Password: password, PasswordSet: true, AuthSource: cfg.AuthSource,
		})
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, fmt.Errorf("MONGODB_URI: %s", redact(err.Error(), cfg.URI))
	}
	return client, nil
}

// redact removes the URI's user and password from a message.
func redact(message, uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	if at := strings.LastIndex(rest, "@"); at > 0 {
		message = strings.ReplaceAll(message, rest[:at], "...")
		if _, password, ok := strings.Cut(rest[:at], ":"); ok && password != "" {
			message = strings.ReplaceAll(message, password, "...")
		}
	}
	return message
}

// passwordVariable is the environment variable of Config.PasswordFile.
const passwordVariable = "MONGODB_PASSWORD_FILE"

// ReadPassword returns the file's content without trailing line breaks. Errors name the file's environment variable.
func ReadPassword(variable, file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", fmt.Errorf("%s %s is empty", variable, file)
	}
	return password, nil
}

// watch reads the password file at intervals until ctx is done. It compares contents, because Kubernetes updates a
// mounted Secret by replacing a symbolic link.
func (s *Store) watch(ctx context.Context) {
	defer close(s.stopped)
	if s.cfg.PasswordFile == "" {
		return
	}
	tick := time.NewTicker(s.cfg.Recheck)
	defer tick.Stop()
	var last string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.reloadPassword(ctx)
		switch {
		case err == nil:
			last = ""
		case err.Error() != last:
			last = err.Error()
			s.cfg.Log.Warn("cannot use the password file yet; keeping the current password", slog.String("error", last))
		}
	}
}

// reloadPassword replaces the client if the file has a new password that the database accepts. A file that is half
// written, or changed before the database is, must not break a working connection. Running operations finish on the old
// client; their timeout limits the wait.
func (s *Store) reloadPassword(ctx context.Context) error {
	password, err := ReadPassword(passwordVariable, s.cfg.PasswordFile)
	if err != nil || password == s.password {
		return err
	}
	client, err := connect(s.cfg, password)
	if err != nil {
		return err
	}
	if err := ping(ctx, client, s.cfg.Timeout); err != nil {
		return fmt.Errorf("MONGODB_PASSWORD_FILE: the database rejects the new password: %w", err)
	}
	s.mu.Lock()
	old := s.current
	s.current, s.password = &session{client: client}, password
	s.mu.Unlock()
	s.cfg.Log.Info("the database password has changed; new connections use it")

	old.busy.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Timeout)
	defer cancel()
	if err := old.client.Disconnect(ctx); err != nil {
		s.cfg.Log.Warn("cannot close the connections of the old password", slog.String("error", err.Error()))
	}
	return nil
}

// ping connects a new client to the database. It disconnects the client if that fails.
func ping(ctx context.Context, client *mongo.Client, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := client.Ping(ctx, nil)
	if err != nil {
		_ = client.Disconnect(context.WithoutCancel(ctx))
	}
	return err
}
