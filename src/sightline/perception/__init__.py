"""Models that look: faces, bodies, hands, people, objects, text."""
