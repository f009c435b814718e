"""What an evaluation is made of: a plan, images, tasks, outcomes, and the function that scores a pair."""
