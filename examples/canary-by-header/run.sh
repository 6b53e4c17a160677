#!/usr/bin/env bash
# A canary that only requests with a header reach, and then everybody, bit by bit.
. "$(dirname "$0")/../kit/kit.sh"

appmesh create-mesh --mesh-name shop
for version in v1 v2; do
    appmesh create-virtual-node --mesh-name shop --virtual-node-name "cart-$version" --spec '{
      "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
      "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart-'"$version"'"}}}'
done
appmesh create-virtual-router --mesh-name shop --virtual-router-name cart \
    --spec '{"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}'
appmesh create-route --mesh-name shop --virtual-router-name cart --route-name canary --spec '{
  "priority": 1,
  "httpRoute": {
    "match": {"prefix": "/", "headers": [{"name": "x-canary", "match": {"exact": "yes"}}]},
    "action": {"weightedTargets": [{"virtualNode": "cart-v2", "weight": 1}]}}}'
appmesh create-route --mesh-name shop --virtual-router-name cart --route-name all --spec '{
  "httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "cart-v1", "weight": 100}]}}}'
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualRouter": {"virtualRouterName": "cart"}}}'
appmesh create-virtual-node --mesh-name shop --virtual-node-name web \
    --spec '{"backends": [{"virtualService": {"virtualServiceName": "cart.shop.local"}}]}'

app v1 serve
app v2 serve
sidecar virtualNode/cart-v1 v1
sidecar virtualNode/cart-v2 v2
sidecar virtualNode/web
settled

shows 'everybody' 'v1: *' "$(ask web cart.shop.local:80 /)"
shows 'with x-canary: yes' 'v2: *' "$(ask web cart.shop.local:80 / --header 'x-canary: yes')"
shows 'with x-canary: no' 'v1: *' "$(ask web cart.shop.local:80 / --header 'x-canary: no')"

# Half of everybody.
appmesh update-route --mesh-name shop --virtual-router-name cart --route-name all --spec '{
  "httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [
    {"virtualNode": "cart-v1", "weight": 50}, {"virtualNode": "cart-v2", "weight": 50}]}}}'
settled
answers=$(for _ in $(seq 60); do ask web cart.shop.local:80 /; done | cut -d : -f 1 | sort | uniq -c | tr -s ' \n' ' ')
shows 'half of everybody, of 60' '*[0-9] v1*[0-9] v2*' "$answers" # neither is missing; chance of that: 2 in 2^60

# Everybody: the header makes no difference any more.
appmesh update-route --mesh-name shop --virtual-router-name cart --route-name all --spec '{
  "httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNode": "cart-v2", "weight": 100}]}}}'
appmesh delete-route --mesh-name shop --virtual-router-name cart --route-name canary
settled
shows 'everybody, in the end' 'v2: *' "$(ask web cart.shop.local:80 /)"
