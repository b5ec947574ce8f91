package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
)

// lasting sets an option that refuses a resource when a setting has changed that cannot change while there are data: with
// another namespace the volumes would be replaced by empty ones, and neither profile's database reads the other's files.
func (b *builder) lasting() (err error) {
	now := map[string]string{"namespace": b.book.Namespace, "profile": string(b.book.Profile)}
	b.unchanged, err = stash.Settings(b.ctx, b.name+"-lasting", now, func(setting, made string) error {
		return fmt.Errorf("%s: guestbook %q was made with %q, and its data would be lost with %q: "+
			"set it back, or make another guestbook under a new name; if it holds none yet, destroy it first", setting, b.name, made, now[setting])
	}, pulumi.Parent(b.g))
	return err
}
