# Leads the private endpoint of a stack's cluster through the stack's bastion until Ctrl-C. The endpoint's own address is one of this
# machine's meanwhile, so that the kubeconfig and pulumi up work as they are. (A SOCKS proxy needs no root, but HTTPS_PROXY would send
# the provider's calls to OCI into the VCN too.) STACK names the stack, and KEY the private SSH key, beside which KEY.pub lies.
set -eu

fail() {
	echo "$1" >&2
	exit 1
}

for tool in pulumi oci jq ssh ip sudo; do
	command -v "$tool" >/dev/null || fail "the command $tool is not there: install it"
done
[ -r "$KEY.pub" ] || fail "KEY=$KEY: there is no public key $KEY.pub: make one with ssh-keygen -t ed25519, or set KEY to another"

# The state, because an update that failed at the Kubernetes objects has left no outputs.
state=$(pulumi stack export --stack "$STACK") || fail "STACK=$STACK: the stack is not to be read: pulumi says why"
of() {
	printf %s "$state" | jq -r --arg type "$1" "[.deployment.resources[]? | select(.type == \$type and (.delete | not))][0] | $2 // empty"
}
bastion=$(of oci:Bastion/bastion:Bastion .id)
[ -n "$bastion" ] || fail "STACK=$STACK: the stack has no bastion: set bastion to true and run pulumi up"
seconds=$(of oci:Bastion/bastion:Bastion .outputs.maxSessionTtlInSeconds)
endpoint=$(of oci:ContainerEngine/cluster:Cluster '.outputs.endpoints[0].privateEndpoint')
[ -n "$endpoint" ] || fail "STACK=$STACK: the stack has no cluster yet: run pulumi up"
address=${endpoint%:*}
[ -z "$(ip -o address show to "$address/32")" ] ||
	fail "this machine has the address $address: end the other tunnel, or take away what it left: sudo ip address del $address/32 dev lo"

if region=$(pulumi config get oci:region --stack "$STACK" 2>/dev/null); then
	export OCI_CLI_REGION="$region" # the CLI's own may be another
fi
session=$(oci bastion session create-port-forwarding --bastion-id "$bastion" --target-private-ip "$address" --target-port "${endpoint##*:}" \
	--ssh-public-key-file "$KEY.pub" --session-ttl "$seconds" --wait-for-state SUCCEEDED --query 'data.resources[0].identifier' --raw-output) ||
	fail "the bastion opens no session: oci says why"
command=$(oci bastion session get --session-id "$session" --query 'data."ssh-metadata".command' --raw-output) ||
	fail "the session $session is not to be read: oci says why"

sudo ip address add "$address/32" dev lo
trap 'sudo ip address del "$address/32" dev lo' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
echo "$endpoint leads through the bastion for $((seconds / 3600)) hours, or until Ctrl-C: kubectl and pulumi up work in another terminal."
for try in 1 2 3 4 5 6; do # a session that was just made is not let in for some seconds
	ssh -i "$KEY" -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 -N -L "$endpoint:$endpoint" "${command##* }" || [ "$try" = 6 ] || sleep 5
done
fail "the session has ended, or ssh does not get in: bastionAllowedCidrs must hold the address that this machine has outside"
