resource "aws_appmesh_virtual_router" "price" {
  name      = "price"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    listener {
      port_mapping {
        port     = 8080
        protocol = "http"
      }
    }
    listener {
      port_mapping {
        port     = 8081
        protocol = "http2"
      }
    }
    listener {
      port_mapping {
        port     = 9090
        protocol = "grpc"
      }
    }
    listener {
      port_mapping {
        port     = 7000
        protocol = "tcp"
      }
    }
  }
}

resource "aws_appmesh_virtual_router" "bare" {
  name      = "bare"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {}
}

resource "aws_appmesh_virtual_service" "price" {
  name      = "price.shop.local"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    provider {
      virtual_router { virtual_router_name = aws_appmesh_virtual_router.price.name }
    }
  }
  tags = { stage = "test" }
}

resource "aws_appmesh_virtual_service" "stock" {
  name      = "stock.shop.local"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    provider {
      virtual_node { virtual_node_name = aws_appmesh_virtual_node.cart.name }
    }
  }
}

resource "aws_appmesh_virtual_service" "alone" {
  name      = "alone.shop.local"
  mesh_name = aws_appmesh_mesh.shop.name
  spec {
    dynamic "provider" {
      for_each = var.changed ? ["cart"] : []
      content {
        virtual_node { virtual_node_name = aws_appmesh_virtual_node.cart.name }
      }
    }
  }
}
