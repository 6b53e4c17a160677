#!/usr/bin/env bash
# Mutual TLS with certificates from files: from plain text to STRICT, without a request that fails.
. "$(dirname "$0")/../kit/kit.sh"

certs=$kit/certificates
"$kit_bin/example-app" certificates "$certs" cart.shop.local web.shop.local stranger.shop.local

node() { # the listener's TLS
    printf '%s' '{"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}'"$1"'}],
      "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart"}}}'
}
tls() { # mode
    printf '%s' ', "tls": {"mode": "'"$1"'",
      "certificate": {"file": {"certificateChain": "'"$certs"'/cart.shop.local.pem", "privateKey": "'"$certs"'/cart.shop.local.key"}},
      "validation": {"trust": {"file": {"certificateChain": "'"$certs"'/ca.pem"}},
        "subjectAlternativeNames": {"match": {"exact": ["web.shop.local"]}}}}'
}
caller() { # whose certificate is shown; "" for no policy
    local policy=
    [ -z "$1" ] || policy=', "backendDefaults": {"clientPolicy": {"tls": {
      "validation": {"trust": {"file": {"certificateChain": "'"$certs"'/ca.pem"}}},
      "certificate": {"file": {"certificateChain": "'"$certs/$1"'.pem", "privateKey": "'"$certs/$1"'.key"}}}}}'
    printf '%s' '{"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]'"$policy"'}'
}
appmesh create-mesh --mesh-name shop
appmesh create-virtual-node --mesh-name shop --virtual-node-name cart --spec "$(node '')"
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualNode": {"virtualNodeName": "cart"}}}'
appmesh create-virtual-node --mesh-name shop --virtual-node-name web --spec "$(caller '')"
appmesh create-virtual-node --mesh-name shop --virtual-node-name stranger --spec "$(caller '')"

app cart serve
sidecar virtualNode/cart cart
sidecar virtualNode/web
sidecar virtualNode/stranger
settled
handshakes() {
    curl --silent "http://$(kit_json "$kit/web.json" 'd["admin"]')/stats?filter=cds_egress_shop_cart_http_8080.ssl.handshake" | sed 's/.*: //'
}
shows 'plain text' 'cart: *' "$(ask web cart.shop.local:8080 /)"

# Requests go on all the while.
ask_all() { while :; do ask web cart.shop.local:8080 / --fail >>"$kit/answers" 2>>"$kit/failures"; done; }
ask_all & asking=$!
kit_pids+=("$asking")

appmesh update-virtual-node --mesh-name shop --virtual-node-name web --spec "$(caller web.shop.local | sed 's/"tls": {/"tls": {"enforce": false,/')"
settled
appmesh update-virtual-node --mesh-name shop --virtual-node-name cart --spec "$(node "$(tls PERMISSIVE)")"
settled
shows 'PERMISSIVE' 'cart: *' "$(ask web cart.shop.local:8080 /)"
appmesh update-virtual-node --mesh-name shop --virtual-node-name web --spec "$(caller web.shop.local)"
settled
appmesh update-virtual-node --mesh-name shop --virtual-node-name cart --spec "$(node "$(tls STRICT)")"
settled
shows 'STRICT' 'cart: *' "$(ask web cart.shop.local:8080 /)"
kill "$asking"
shows 'requests that failed on the way' 0 "$(wc -l <"$kit/failures" | tr -d ' ')"
shows 'handshakes of the caller, at least 1' '[1-9]*' "$(handshakes)"

# Who shows no certificate, or another one, does not get in.
status() { ask "$1" cart.shop.local:8080 / --output /dev/null --write-out '%{http_code}'; }
shows 'a stranger without a certificate' 503 "$(status stranger)"
appmesh update-virtual-node --mesh-name shop --virtual-node-name stranger --spec "$(caller stranger.shop.local)"
settled
shows 'a stranger with a certificate of his own' 503 "$(status stranger)"
appmesh update-virtual-node --mesh-name shop --virtual-node-name stranger --spec "$(caller web.shop.local)"
settled
shows 'with the right one' 200 "$(status stranger)"
