resource "aws_appmesh_virtual_node" "cloud" {
  name      = "cloud"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    logging {
      access_log {
        file {
          path = "/dev/stdout"
          dynamic "format" {
            for_each = var.changed ? [] : ["[%START_TIME%] %RESPONSE_CODE%\n"]
            content { text = format.value }
          }
        }
      }
    }
    service_discovery {
      aws_cloud_map {
        namespace_name = "shop.local"
        service_name   = "cloud"
        attributes     = var.changed ? { stack = "green" } : { stack = "blue", az = "a" }
      }
    }
  }
}

resource "aws_appmesh_virtual_node" "caller" {
  name      = "caller"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {}
}

resource "aws_appmesh_virtual_node" "h2" {
  name      = "h2"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http2"
      }
    }
    service_discovery {
      dns { hostname = "h2.shop.local" }
    }
  }
}

resource "aws_appmesh_virtual_node" "grpc" {
  name      = "grpc"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 9090
        protocol = "grpc"
      }
    }
    service_discovery {
      dns { hostname = "grpc.shop.local" }
    }
  }
}

resource "aws_appmesh_virtual_node" "tcp" {
  name      = "tcp"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 7000
        protocol = "tcp"
      }
    }
    service_discovery {
      dns { hostname = "tcp.shop.local" }
    }
  }
}
