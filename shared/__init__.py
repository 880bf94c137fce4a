"""What two or more services need: contracts, tools and neighbours."""
