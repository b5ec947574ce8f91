# Forwards the private endpoint of a stack's cluster through the stack's bastion until Ctrl-C.
#
# The loopback interface gets the endpoint's own address meanwhile, so the kubeconfig and pulumi up work unchanged.
# A SOCKS proxy would need no root, but HTTPS_PROXY would also send the provider's calls to OCI through the bastion.
#
# STACK names the stack. KEY is the path of the private SSH key; the public key is KEY.pub.
set -eu

fail() {
	echo "$1" >&2
	exit 1
}

for tool in pulumi oci jq ssh ip sudo; do
	command -v "$tool" >/dev/null || fail "the command $tool is missing: install it"
done
[ -r "$KEY.pub" ] ||
	fail "KEY=$KEY: there is no public key $KEY.pub: make one with ssh-keygen -t ed25519, or set KEY to another key"

# The state is read instead of the outputs, which an update that failed at the Kubernetes objects has not written.
state=$(pulumi stack export --stack "$STACK") || fail "STACK=$STACK: pulumi cannot read the stack"
from_state() { # type, jq path
	printf %s "$state" |
		jq -r --arg type "$1" "[.deployment.resources[]? | select(.type == \$type and (.delete | not))][0] | $2 // empty"
}
bastion=$(from_state oci:Bastion/bastion:Bastion .id)
[ -n "$bastion" ] || fail "STACK=$STACK: the stack has no bastion: set bastion to true and run pulumi up"
seconds=$(from_state oci:Bastion/bastion:Bastion .outputs.maxSessionTtlInSeconds)
endpoint=$(from_state oci:ContainerEngine/cluster:Cluster '.outputs.endpoints[0].privateEndpoint')
[ -n "$endpoint" ] || fail "STACK=$STACK: the stack has no cluster yet: run pulumi up"
address=${endpoint%:*}
[ -z "$(ip -o address show to "$address/32")" ] ||
	fail "this machine has $address already: end the other tunnel, or run sudo ip address del $address/32 dev lo"

# The command oci gets what the stack's OCI provider has in its settings, which may differ from its own.
settings=$(pulumi config --stack "$STACK" --show-secrets --json) || fail "STACK=$STACK: pulumi cannot read the settings"
config() {
	printf %s "$settings" | jq -r --arg key "oci:$1" '.[$key].value // empty'
}
for pair in region=REGION configFileProfile=PROFILE tenancyOcid=TENANCY userOcid=USER fingerprint=FINGERPRINT \
	privateKey=KEY_CONTENT privateKeyPath=KEY_FILE privateKeyPassword=PASSPHRASE; do
	value=$(config "${pair%=*}")
	[ -z "$value" ] || export "OCI_CLI_${pair#*=}=$value"
done
auth=$(config auth)
if [ -n "$auth" ]; then
	case $(printf %s "$auth" | tr '[:upper:]' '[:lower:]') in
	apikey) export OCI_CLI_AUTH=api_key ;;
	securitytoken) export OCI_CLI_AUTH=security_token ;;
	instanceprincipal) export OCI_CLI_AUTH=instance_principal ;;
	resourceprincipal) export OCI_CLI_AUTH=resource_principal ;;
	okeworkloadidentity) export OCI_CLI_AUTH=oke_workload_identity ;;
	*) fail "STACK=$STACK: oci:auth is $auth, which the command oci does not have" ;;
	esac
fi
session=$(oci bastion session create-port-forwarding --bastion-id "$bastion" \
	--target-private-ip "$address" --target-port "${endpoint##*:}" \
	--ssh-public-key-file "$KEY.pub" --session-ttl "$seconds" --wait-for-state SUCCEEDED \
	--query 'data.resources[0].identifier' --raw-output) ||
	fail "oci cannot open a session at the bastion"
ssh_command=$(oci bastion session get --session-id "$session" --query 'data."ssh-metadata".command' --raw-output) ||
	fail "oci cannot read the session $session"

sudo ip address add "$address/32" dev lo
trap 'sudo ip address del "$address/32" dev lo' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
hours=$((seconds / 3600))
echo "$endpoint is forwarded for $hours hours, or until Ctrl-C: kubectl and pulumi up work in another terminal."
for try in 1 2 3 4 5 6; do # the bastion refuses a new session for some seconds
	ssh -i "$KEY" -o IdentitiesOnly=yes -o ExitOnForwardFailure=yes -o ServerAliveInterval=30 -N \
		-L "$endpoint:$endpoint" "${ssh_command##* }" || [ "$try" = 6 ] || sleep 5
done
fail "the session has ended, or ssh is refused: bastionAllowedCidrs must hold the public address of this machine"
