package chores

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"oke-guestbook/app/internal/config"
	"oke-guestbook/app/internal/retry"
)

// attempts is how often work with the database is begun.
const attempts = 3

// steadily does work with the database, which may be repeated. It waits for a primary, up to the time limit, and begins
// again when an election or a lost connection interrupts the work.
func steadily(
	ctx context.Context, cfg config.Backup, client *mongo.Client, log *slog.Logger, work func() error,
) error {
	for attempt := 1; ; attempt++ {
		err := policy(cfg, log).Do(ctx, "reach the database's primary", func(ctx context.Context) error {
			err := client.Ping(ctx, nil)
			if hasCode(err, codeAuthenticationFailed) {
				return retry.Final(err)
			}
			return err
		})
		if err != nil {
			return err
		}
		err = work()
		if attempt == attempts || !interrupted(err) {
			return err
		}
		log.Warn("interrupted, and begins again", slog.String("reason", err.Error()))
	}
}

// elections are the codes of errors of a server that is not the primary any more, or that ends, or has lost a cursor
// (MongoDB, src/mongo/base/error_codes.yml; specification "Server Discovery and Monitoring").
var elections = []int{
	43,    // CursorNotFound
	91,    // ShutdownInProgress
	189,   // PrimarySteppedDown
	10107, // NotWritablePrimary
	11600, // InterruptedAtShutdown
	11602, // InterruptedDueToReplStateChange
	13435, // NotPrimaryNoSecondaryOk
	13436, // NotPrimaryOrSecondary
}

// interrupted reports whether an error may be gone with the next primary. What Object Storage has refused until its own
// time limit stays.
func interrupted(err error) bool {
	var server mongo.ServerError
	if errors.As(err, &server) {
		return server.HasErrorLabel("NetworkError") || slices.ContainsFunc(elections, server.HasErrorCode)
	}
	return mongo.IsTimeout(err) && !retry.IsFinal(err)
}
