package store

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Backups is the collection of the record of the last backup. It is not part of backups.
const Backups = "backups"

// Backup is the record of a backup that is complete in Object Storage.
type Backup struct {
	Name      string    `bson:"_id"` // of the object
	At        time.Time `bson:"at"`  // when the backup began
	Bytes     int64     `bson:"bytes"`
	Documents int       `bson:"documents"`
}

// RecordBackup replaces the record of the last backup. It does so with the rights of MongoDB's role "restore", which
// may drop and insert, but not update.
func RecordBackup(ctx context.Context, db *mongo.Database, b Backup) error {
	records := db.Collection(Backups)
	if err := records.Drop(ctx); err != nil {
		return err
	}
	_, err := records.InsertOne(ctx, b)
	return err
}

// LastBackup returns the record of the last backup, and whether there is one.
func (s *Store) LastBackup(ctx context.Context) (b Backup, found bool, err error) {
	messages, done := s.messages()
	defer done()
	err = messages.Database().Collection(Backups).FindOne(ctx, bson.D{}).Decode(&b)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return b, false, nil
	}
	return b, err == nil, err
}
