package guestbook

import (
	"crypto/rand"
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
)

// Users of the database, and the files of their passwords where the Secret is mounted.
const (
	rootUser   = "root"
	appUser    = "guestbook"
	backupUser = "backup"
	rootFile   = "root-password"
	appFile    = "password"
	backupFile = "backup-password"
	keyFile    = "keyfile" // by which the members of a replica set authenticate each other

	secretName        = "mongo-credentials"
	secretPath        = "/run/secrets/mongo"
	credentialsVolume = "credentials"
)

// credentials generates passwords, keeps them in the stack's state as secrets, and makes the Kubernetes Secret of them:
// nil in profile tutorial, which has no passwords. The application and the backup get new passwords with each release.
// Those of root and the replica set never change, because the volumes contain them; for the same reason the state keeps
// them even with an external database or in profile tutorial.
func (b *builder) credentials() (*corev1.Secret, error) {
	own := pulumi.StringMap{}
	for _, password := range []struct {
		file    string
		rotates bool
	}{{rootFile, false}, {keyFile, false}, {appFile, true}, {backupFile, true}} {
		name := b.name + "-" + password.file
		if password.rotates {
			name = fmt.Sprintf("%s-%d", name, b.book.CredentialsRelease)
		}
		text, err := b.generated(name)
		if err != nil {
			return nil, err
		}
		own[password.file] = text
	}
	if !b.book.Hardened() {
		return nil, nil
	}
	data := own
	if !b.book.OwnDatabase() {
		data = pulumi.StringMap{appFile: pulumi.ToSecret(pulumi.String(b.book.DatabasePassword)).(pulumi.StringOutput)}
	}
	return corev1.NewSecret(b.ctx, b.name+"-credentials", &corev1.SecretArgs{
		Metadata:   b.meta(secretName, "", nil),
		Type:       pulumi.String("Opaque"),
		StringData: data,
	}, b.namespaced()...)
}

// generated returns a random text of 130 bits, as a secret. It stays the same as long as its name does.
func (b *builder) generated(name string) (pulumi.StringOutput, error) {
	text, err := stash.Keep[string](b.ctx, name, pulumi.ToSecret(pulumi.String(rand.Text())),
		pulumi.Parent(b.g), pulumi.AdditionalSecretOutputs([]string{"input", "output"}))
	if err != nil {
		return pulumi.StringOutput{}, err
	}
	return pulumi.ToSecret(text).(pulumi.StringOutput), nil
}

// credentialFiles is a volume with some files of the Secret, which the Pod's group may read.
func credentialFiles(secret *corev1.Secret, files ...string) corev1.VolumeArgs {
	var items corev1.KeyToPathArray
	for _, file := range files {
		items = append(items, corev1.KeyToPathArgs{Key: pulumi.String(file), Path: pulumi.String(file)})
	}
	return corev1.VolumeArgs{Name: pulumi.String(credentialsVolume), Secret: corev1.SecretVolumeSourceArgs{
		SecretName:  secret.Metadata.Name(),
		DefaultMode: pulumi.Int(0o440),
		Items:       items,
	}}
}
