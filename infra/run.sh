export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1
rm -rf /tmp/infra5/out /tmp/infra5/outl
CDK_OUTDIR=/tmp/infra5/out CDK_CONTEXT_JSON='{"artifacts":"/tmp/infra5/dist","relayImage":"ghcr.io/ownmesh/relay:1","sidecars":"ordering/virtualNode/ui"}' /tmp/infra5/x && CDK_OUTDIR=/tmp/infra5/outl CDK_CONTEXT_JSON='{"artifacts":"/tmp/infra5/dist","local":"true"}' /tmp/infra5/x; ls -la /tmp/infra5/out /tmp/infra5/outl | grep -v asset
