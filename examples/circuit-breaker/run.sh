#!/usr/bin/env bash
# A connection pool lets a slow service say no to more than it can do, instead of falling over.
. "$(dirname "$0")/../kit/kit.sh"

listener() { # the listener's connection pool
    printf '%s' '{
      "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}'"$1"'}],
      "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart"}}}'
}
appmesh create-mesh --mesh-name shop
appmesh create-virtual-node --mesh-name shop --virtual-node-name cart \
    --spec "$(listener ', "connectionPool": {"http": {"maxConnections": 1, "maxPendingRequests": 1}}')"
# Without retries: the default policy would ask again for what was refused.
appmesh create-virtual-router --mesh-name shop --virtual-router-name cart \
    --spec '{"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}'
appmesh create-route --mesh-name shop --virtual-router-name cart --route-name all --spec '{
  "httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "cart", "weight": 1}]},
    "retryPolicy": {"maxRetries": 0, "perRetryTimeout": {"unit": "s", "value": 15}, "httpRetryEvents": ["gateway-error"]}}}'
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualRouter": {"virtualRouterName": "cart"}}}'
appmesh create-virtual-node --mesh-name shop --virtual-node-name web \
    --spec '{"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]}'

app cart serve --delay 2s
sidecar virtualNode/cart cart
sidecar virtualNode/web
settled

six() { # six requests at once: their statuses, and how often
    local asked=()
    for i in $(seq 6); do
        ask web cart.shop.local:80 / --output /dev/null --dump-header "$kit/headers-$i" --write-out '%{http_code}\n' >"$kit/status-$i" &
        asked+=($!)
    done
    wait "${asked[@]}"
    cat "$kit"/status-? | sort | uniq -c | tr -s ' \n' ' '
}
shows 'one at work, one waiting, the rest refused' ' 2 200 4 503 ' "$(six)"
shows 'and told why, each of them' 4 "$(cat "$kit"/headers-? | grep -c '^x-envoy-overloaded: true')"

appmesh update-virtual-node --mesh-name shop --virtual-node-name cart \
    --spec "$(listener ', "connectionPool": {"http": {"maxConnections": 10, "maxPendingRequests": 10}}')"
settled
shows 'with a larger pool' ' 6 200 ' "$(six)"
