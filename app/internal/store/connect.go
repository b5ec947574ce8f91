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

// connect makes a client; it speaks to no server yet. What the URI says about
// the pool goes before the configuration.
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
			return nil, errors.New("MONGODB_URI: it names a user, and so does MONGODB_USERNAME: give one of them")
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

// redact takes the URI's user and password out of a message.
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

// readPassword returns the file's content without the line break at its end.
func readPassword(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("MONGODB_PASSWORD_FILE: %w", err)
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return "", fmt.Errorf("MONGODB_PASSWORD_FILE %s is empty", file)
	}
	return password, nil
}

// watch reads the password file again and again. It compares contents: a
// mounted Secret is replaced by switching a symbolic link.
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
		err := s.reread(ctx)
		switch {
		case err == nil:
			last = ""
		case err.Error() != last:
			last = err.Error()
			s.cfg.Log.Warn("the password file cannot be used yet; the password before stays", slog.String("error", last))
		}
	}
}

// reread replaces the client if there is a new password that works: a file
// that is half written, or changed before the database is, must not take a
// working connection away. Operations that run on the old client end on it;
// their time-out bounds the wait.
func (s *Store) reread(ctx context.Context) error {
	password, err := readPassword(s.cfg.PasswordFile)
	if err != nil || password == s.password {
		return err
	}
	client, err := connect(s.cfg, password)
	if err != nil {
		return err
	}
	if err := try(ctx, client, s.cfg.Timeout); err != nil {
		return fmt.Errorf("MONGODB_PASSWORD_FILE: the database does not take the new password: %w", err)
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
		s.cfg.Log.Warn("close the connections of the old password", slog.String("error", err.Error()))
	}
	return nil
}

// try speaks to the database with a new client, and ends the client if that fails.
func try(ctx context.Context, client *mongo.Client, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := client.Ping(ctx, nil)
	if err != nil {
		_ = client.Disconnect(context.WithoutCancel(ctx))
	}
	return err
}
