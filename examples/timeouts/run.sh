#!/usr/bin/env bash
# How long a caller waits: the route's say, and the listener's.
. "$(dirname "$0")/../kit/kit.sh"

route() { # the route's timeout
    printf '%s' '{"httpRoute": {"match": {"prefix": "/"},
      "action": {"weightedTargets": [{"virtualNode": "cart", "weight": 1}]}'"$1"'}}'
}
node() { # the listener's timeout
    printf '%s' '{"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}'"$1"'}],
      "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart"}}}'
}
appmesh create-mesh --mesh-name shop
appmesh create-virtual-node --mesh-name shop --virtual-node-name cart --spec "$(node '')"
appmesh create-virtual-router --mesh-name shop --virtual-router-name cart \
    --spec '{"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}'
appmesh create-route --mesh-name shop --virtual-router-name cart --route-name all --spec "$(route '')"
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualRouter": {"virtualRouterName": "cart"}}}'
appmesh create-virtual-node --mesh-name shop --virtual-node-name web \
    --spec '{"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]}'

app cart serve --delay 1s
sidecar virtualNode/cart cart
sidecar virtualNode/web
settled

status() { ask web cart.shop.local:80 / --output /dev/null --write-out '%{http_code}'; }
shows 'the default is 15 s, the answer takes 1 s' 200 "$(status)"

appmesh update-route --mesh-name shop --virtual-router-name cart --route-name all \
    --spec "$(route ', "timeout": {"perRequest": {"unit": "ms", "value": 300}}')"
settled
shows 'the route gives up after 0.3 s' 504 "$(status)"

appmesh update-route --mesh-name shop --virtual-router-name cart --route-name all \
    --spec "$(route ', "timeout": {"perRequest": {"unit": "s", "value": 3}}')"
settled
shows 'the route waits for 3 s' 200 "$(status)"

# The called side has a say as well: both must agree to wait.
appmesh update-virtual-node --mesh-name shop --virtual-node-name cart \
    --spec "$(node ', "timeout": {"http": {"perRequest": {"unit": "ms", "value": 300}}}')"
settled
shows 'the listener gives up after 0.3 s' 504 "$(status)"

appmesh update-virtual-node --mesh-name shop --virtual-node-name cart \
    --spec "$(node ', "timeout": {"http": {"perRequest": {"unit": "s", "value": 0}}}')"
settled
shows '0 switches the listener'"'"'s off' 200 "$(status)"
