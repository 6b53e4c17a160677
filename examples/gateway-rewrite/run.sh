#!/usr/bin/env bash
# A virtual gateway's routes, and what becomes of path and host.
. "$(dirname "$0")/../kit/kit.sh"

appmesh create-mesh --mesh-name shop
appmesh create-virtual-node --mesh-name shop --virtual-node-name cart --spec '{
  "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
  "serviceDiscovery": {"awsCloudMap": {"namespaceName": "shop.local", "serviceName": "cart"}}}'
appmesh create-virtual-service --mesh-name shop --virtual-service-name cart.shop.local \
    --spec '{"provider": {"virtualNode": {"virtualNodeName": "cart"}}}'
appmesh create-virtual-gateway --mesh-name shop --virtual-gateway-name front \
    --spec '{"listeners": [{"portMapping": {"port": 8088, "protocol": "http"}}]}'

route() { # name, match, rewrite
    appmesh create-gateway-route --mesh-name shop --virtual-gateway-name front --gateway-route-name "$1" --spec '{
      "httpRoute": {"match": '"$2"', "action": {
        "target": {"virtualService": {"virtualServiceName": "cart.shop.local"}}'"${3:+, \"rewrite\": $3}"'}}}'
}
route default  '{"prefix": "/cart"}'
route replaced '{"prefix": "/old"}'              '{"prefix": {"value": "/new/"}}'
route kept     '{"prefix": "/kept"}'             '{"prefix": {"defaultPrefix": "DISABLED"}, "hostname": {"defaultTargetHostname": "DISABLED"}}'
route exact    '{"path": {"exact": "/about"}}'   '{"path": {"exact": "/pages/about"}}'

app cart serve
sidecar virtualNode/cart cart
sidecar virtualGateway/front
settled

shows 'the matched prefix becomes /'     'cart: GET /items/7?full=yes, host cart.shop.local' "$(enter front 8088 '/cart/items/7?full=yes')"
shows 'a prefix of one'"'"'s own'        'cart: GET /new/items/7, host cart.shop.local'      "$(enter front 8088 /old/items/7)"
shows 'path and host stay'               'cart: GET /kept/items, host shop.example'          "$(enter front 8088 /kept/items --header 'Host: shop.example')"
shows 'a whole path'                     'cart: GET /pages/about, host cart.shop.local'      "$(enter front 8088 /about)"
shows 'no route: status'                 404 "$(enter front 8088 /elsewhere --output /dev/null --write-out '%{http_code}')"
