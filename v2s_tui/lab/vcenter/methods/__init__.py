"""What each SOAP method does, grouped as vSphere groups them; importing a module registers its methods."""
