"""What became of every entry of a tablet: kept, refused, dismissed or taken back, on both clocks."""
