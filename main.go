// Command oke-guestbook is the Pulumi program: a network, an OKE cluster on it, and guestbooks on that.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/stack"
)

func main() { pulumi.Run(stack.Program()) }
